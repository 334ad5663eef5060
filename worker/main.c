/* futured-worker: started by futured, one for each pool. */
#include "proto/control.h"
#include "worker/title.h"
#include "worker/zygote.h"

#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	socklen_t len = sizeof(int);
	int type = 0;

	if (getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET) {
		(void)fprintf(stderr,
			      "futured-worker: not for use by hand: it is started by futured,"
			      " with a socket as descriptor 3\n");
		return 2;
	}
	title_init(argc, argv);
	return zygote_run(CONTROL_FD);
}
