#include "worker/cpu.h"

#include "common/clock.h"
#include "common/util.h"

static void read_clock(struct cpu_meter *m)
{
	m->read_ns = clock_cpu_now_ns();
	m->short_ns = 0;
	m->is_fresh = true;
}

bool cpu_meter_begin(struct cpu_meter *m)
{
	if (m->is_fresh)
		return false;
	read_clock(m);
	return true;
}

uint64_t cpu_meter_end(struct cpu_meter *m, uint64_t run_ns)
{
	uint64_t before_ns = m->read_ns + m->short_ns;

	if (run_ns < CPU_SHORT_NS) {
		m->short_ns += run_ns;
		m->is_fresh = false;
		return run_ns;
	}
	read_clock(m);
	return min_u64(m->read_ns > before_ns ? m->read_ns - before_ns : 0, run_ns);
}
