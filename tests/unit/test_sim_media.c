/*
 * test_sim_media.c
 *		The simulator's media service over real sockets: the client opens what it
 *		offers, http and https come to one port, and every fault is what it says.
 */
#include "net_peer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/protocol/media.h"
#include "../../src/simulator/sim_media.h"
#include "check.h"

#define PLAIN 100000

static TestCerts certs;
static Net net;
static uint8_t plain[PLAIN];

static int
setup(void **state)
{
	const char *why = "";

	(void) state;
	certs_create(&certs);
	net_setup(&net, NULL, NULL);
	sim.env = env_default();
	sim.loop = net.loop;
	assert_true(sim_media_start("127.0.0.1", 0, certs.good, certs.good_key, &why));
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t) (i * 7 + i / 251);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	net_teardown(&net);
	certs_remove(&certs);
	return 0;
}

/* ---- fetching ---- */

typedef struct Fetched
{
	NetConn *conn;
	int status;
	bool closed;
	const char *why;
	uint8_t *got;
	size_t got_len;
} Fetched;

static void
take_bytes(Fetched *fetched)
{
	const uint8_t *data;
	size_t len;

	net_data(fetched->conn, &data, &len);
	fetched->got = sim_util_grow(fetched->got, fetched->got_len + len);
	memcpy(fetched->got + fetched->got_len, data, len);
	fetched->got_len += len;
	net_consumed(fetched->conn, len);
}

/* Turns until the answer is over, or, when some, until the first bytes of it are here. */
static void
pump(Fetched *fetched, bool some)
{
	long end = now_ms() + 60000;
	NetEvent event;

	while (!fetched->closed && !(some && fetched->got_len > 0))
	{
		struct pollfd fd = {net_loop_fd(net.loop), POLLIN, 0};
		int wait = net_loop_timeout_ms(net.loop);

		assert_true(now_ms() < end);
		(void) poll(&fd, 1, wait < 0 || wait > 1000 ? 1000 : wait);
		net_loop_run(net.loop);
		while (net_next_event(net.loop, &event))
		{
			assert_ptr_equal(event.conn, fetched->conn);
			if (event.kind == NET_OPENED)
				fetched->status = net_http_status(event.conn);
			if (event.kind == NET_CLOSED)
			{
				fetched->closed = true;
				fetched->why = event.why;
			}
			take_bytes(fetched);
		}
	}
}

static void
begin(Fetched *fetched, const SimBlob *blob, bool secure, const char *more, uint64_t max_bytes,
	  int stall_ms)
{
	char url[512];
	char text[640];
	NetHttpGet get = {
		.tls_ca_file = certs.ca, .timeout_ms = 20000, .stall_ms = stall_ms, .max_bytes = max_bytes};
	const char *why = "";

	memset(fetched, 0, sizeof(*fetched));
	sim_media_url(blob, url, sizeof(url));
	assert_memory_equal(url, "https://", 8);
	snprintf(text, sizeof(text), "%s%s%s", secure ? "https" : "http", url + 5, more);
	get.url = text;
	fetched->conn = net_http_get(net.loop, &get, NULL, &why);
	assert_non_null(fetched->conn);
}

static void
fetch(Fetched *fetched, const SimBlob *blob, bool secure, const char *more)
{
	begin(fetched, blob, secure, more, 1 << 24, 0);
	pump(fetched, false);
}

/* What the client makes of a file that it downloaded. */
static WaStatus
open_file(const SimBlob *blob, const Fetched *fetched, WaMediaKind kind, WaBuf *out)
{
	WaMedia media = {
		.kind = kind,
		.key = {(const char *) blob->key, 32},
		.sha256 = {(const char *) blob->sha256, 32},
		.enc_sha256 = {(const char *) blob->enc_sha256, 32},
		.size = blob->size,
	};
	WaMediaOpen open;
	WaStatus status;

	buf_init(out, sim.env, 1 << 24);
	status = media_open_init(&open, &media, 1 << 24);
	if (status == WA_OK)
		status = media_open_update(&open, fetched->got, fetched->got_len, out);
	if (status == WA_OK)
		status = media_open_final(&open, out);
	media_open_free(&open);
	return status;
}

/* ---- tests ---- */

static void
the_client_opens_what_is_offered(void **state)
{
	static const struct
	{
		const char *name;
		WaMediaKind kind;
	} kinds[] = {
		{"image", MEDIA_IMAGE},
		{"sticker", MEDIA_STICKER},
		{"video", MEDIA_VIDEO},
		{"audio", MEDIA_AUDIO},
		{"document", MEDIA_DOCUMENT},
		{"history", MEDIA_HISTORY},
		{"app_state", MEDIA_APP_STATE},
		{"sticker_pack", MEDIA_STICKER_PACK},
		{"group_history", MEDIA_GROUP_HISTORY},
	};
	static const size_t sizes[] = {1, 15, 16, 17, 1000, PLAIN};

	(void) state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		size_t len = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
		SimBlob *blob = sim_media_put(kinds[i].name, plain, len, NULL);
		WaMedia media = {.kind = kinds[i].kind};
		WaArena arena;
		Fetched fetched;
		WaStr path;
		WaBuf out;

		assert_non_null(blob);
		/* as the client asks for it */
		media.direct_path = str_from(blob->path);
		media.enc_sha256 = (WaStr){(const char *) blob->enc_sha256, 32};
		arena_init(&arena, sim.env, 4096);
		path = media_download_path(&arena, &media);
		assert_memory_equal(path.data, blob->path, strlen(blob->path));
		fetch(&fetched, blob, i % 2 == 0, path.data + strlen(blob->path));
		assert_null(fetched.why);
		assert_int_equal(fetched.status, 200);
		assert_int_equal(open_file(blob, &fetched, kinds[i].kind, &out), WA_OK);
		assert_int_equal(buf_len(&out), len);
		assert_memory_equal(buf_data(&out), plain, len);
		buf_free(&out);
		arena_free(&arena);
		free(fetched.got);
	}
	assert_null(sim_media_put("paint", plain, 1, NULL));
}

static void
wrong_questions_are_refused(void **state)
{
	SimBlob *blob = sim_media_put("image", plain, 100, NULL);
	Fetched fetched;

	(void) state;
	fetch(&fetched, blob, false, "&hash=AAAA");
	assert_int_equal(fetched.status, 403);
	free(fetched.got);
	fetch(&fetched, blob, false, "&mms-type=video");
	assert_int_equal(fetched.status, 403);
	free(fetched.got);
	blob->gone = 410;
	fetch(&fetched, blob, false, "");
	assert_int_equal(fetched.status, 410);
	free(fetched.got);
}

static void
add_fault(const char *text)
{
	json_t *request = json_loads(text, 0, NULL);

	assert_non_null(request);
	assert_null(sim_media_fault_add(request));
	json_decref(request);
}

static void
faults_are_what_they_say(void **state)
{
	SimBlob *blob = sim_media_put("document", plain, sizeof(plain), NULL);
	Fetched fetched;
	WaBuf out;

	(void) state;
	add_fault("{\"effect\":\"status\",\"code\":503,\"times\":1}");
	fetch(&fetched, blob, true, "");
	assert_int_equal(fetched.status, 503);
	free(fetched.got);

	add_fault("{\"effect\":\"redirect\",\"times\":1}");
	fetch(&fetched, blob, false, "");
	assert_int_equal(fetched.status, 302);
	free(fetched.got);

	add_fault("{\"effect\":\"truncated\",\"bytes\":5000,\"times\":1}");
	fetch(&fetched, blob, false, "");
	assert_null(fetched.why);
	assert_int_equal(fetched.got_len, 5000);
	free(fetched.got);

	add_fault("{\"effect\":\"cut\",\"bytes\":5000,\"times\":1}");
	fetch(&fetched, blob, true, "");
	assert_non_null(fetched.why);
	assert_true(fetched.got_len <= 5000);
	free(fetched.got);

	add_fault("{\"effect\":\"wrong\",\"bytes\":5000,\"times\":1,\"of\":\"document\"}");
	fetch(&fetched, blob, false, "");
	assert_int_equal(fetched.got_len, blob->enc_size);
	assert_int_equal(open_file(blob, &fetched, MEDIA_DOCUMENT, &out), WA_ERR_SIGNATURE);
	buf_free(&out);
	free(fetched.got);

	add_fault("{\"effect\":\"endless\",\"times\":1}");
	begin(&fetched, blob, false, "", 1 << 20, 0);
	pump(&fetched, false);
	assert_string_equal(fetched.why, "too large");
	free(fetched.got);

	add_fault("{\"effect\":\"stall\",\"bytes\":5000,\"times\":1}");
	begin(&fetched, blob, true, "", 1 << 24, 300);
	pump(&fetched, false);
	assert_string_equal(fetched.why, "stalled");
	assert_int_equal(fetched.got_len, 5000);
	free(fetched.got);

	/* slow, but good in the end */
	add_fault("{\"effect\":\"slow\",\"bytes\":400000,\"times\":1}");
	begin(&fetched, blob, false, "", 1 << 24, 0);
	pump(&fetched, true);
	assert_false(fetched.closed);
	pump(&fetched, false);
	assert_int_equal(open_file(blob, &fetched, MEDIA_DOCUMENT, &out), WA_OK);
	buf_free(&out);
	free(fetched.got);

	/* not of this kind: not for it */
	add_fault("{\"effect\":\"status\",\"of\":\"image\"}");
	fetch(&fetched, blob, false, "");
	assert_int_equal(fetched.status, 200);
	free(fetched.got);
	assert_int_equal(sim_media_fault_count(), 1);
	sim_media_fault_clear();
	assert_int_equal(sim_media_fault_count(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_opens_what_is_offered),
		cmocka_unit_test(wrong_questions_are_refused),
		cmocka_unit_test(faults_are_what_they_say),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
