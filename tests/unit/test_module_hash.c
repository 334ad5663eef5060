/* The module "hash". The digests are those of FIPS 180-4, RFC 7693 and coreutils, not of the
 * library under test. */
#include "tests/lib/fake_call.h"
#include "tests/lib/trun.h"

#include <stdlib.h>
#include <string.h>

static void open_hash(void)
{
	open_module("hash");
}

static const struct {
	const char *task, *payload, *digest;
} known_digests[] = {
	{"sha256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"sha256", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"sha512", "",
	 "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	 "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
	{"sha512", "abc",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	 "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	{"blake2b", "",
	 "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
	 "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce"},
	{"blake2b", "abc",
	 "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	 "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"},
};

START_TEST(hash_known_answer)
{
	run_text(known_digests[_i].task, known_digests[_i].payload);
	assert_result(known_digests[_i].digest);
	if (known_digests[_i].payload[0] == '\0') {
		run_null(known_digests[_i].task);
		assert_result(known_digests[_i].digest);
	}
}
END_TEST

START_TEST(hash_of_a_million_letters)
{
	enum { MILLION = 1000000 };
	char *text = malloc(MILLION);

	memset(text, 'a', MILLION);
	run_bytes("sha256", text, MILLION);
	free(text);
	assert_result("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(hash_again_after_fini)
{
	module->fini();
	module->fini();
	ck_assert_int_eq(module->init("test"), 0);
	run_text("sha256", "abc");
	assert_result(known_digests[1].digest);
}
END_TEST

/* What init() finds is missing when the algorithm is: here, before init(). */
START_TEST(hash_without_algorithm)
{
	module->fini();
	run_text("sha256", "abc");
	assert_failure("HashError", "");
}
END_TEST

START_TEST(hash_result_refused)
{
	fake_reset()->refuses_result = true;
	run_prepared("sha256", "abc", 3);
	assert_gave_up();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("module_hash");
	TCase *tc = trun_case(s, "hash");

	tcase_add_checked_fixture(tc, open_hash, close_module);
	trun_add_each(tc, hash_known_answer, known_digests);
	tcase_add_test(tc, hash_of_a_million_letters);
	tcase_add_test(tc, hash_again_after_fini);
	tcase_add_test(tc, hash_without_algorithm);
	tcase_add_test(tc, hash_result_refused);
	return s;
}
