/*
 * bench_net.c
 *		What a connection costs: memory of an idle one, processor time and rate
 *		of connecting, echo round trip.  Server and client are two processes.
 *		Prints name, value, unit and the floor that was measured before the
 *		project (plain epoll and OpenSSL by hand, same kind of machine).
 *
 * Usage: bench_net [connections]
 */
#include <malloc.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/net/net.h"

static char cert_file[64];
static char key_file[64];

static double
seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
fatal(const char *what, const char *why)
{
	fprintf(stderr, "bench_net: %s: %s\n", what, why != NULL ? why : "");
	exit(1);
}

static void
turn(NetLoop *loop)
{
	struct pollfd fd = {net_loop_fd(loop), POLLIN, 0};

	poll(&fd, 1, net_loop_timeout_ms(loop));
	net_loop_run(loop);
}

/* Echoes until it is killed; tells its port through the pipe. */
static void
serve(bool tls, int out)
{
	const char *why = NULL;
	NetLoop *loop = net_loop_create(0, &why);
	NetListen listen = {"127.0.0.1", 0, tls ? cert_file : NULL, tls ? key_file : NULL};
	int port = loop == NULL ? -1 : net_listen(loop, &listen, &why);

	if (port < 0 || write(out, &port, sizeof(port)) != sizeof(port))
		fatal("server", why);
	for (;;)
	{
		NetEvent event;

		turn(loop);
		while (net_next_event(loop, &event))
		{
			const uint8_t *data;
			size_t len;

			if (event.kind != NET_DATA)
				continue;
			net_data(event.conn, &data, &len);
			net_write(event.conn, data, len);
			net_consumed(event.conn, len);
		}
	}
}

static pid_t
start_server(bool tls, int *port)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) != 0)
		fatal("pipe", NULL);
	pid = fork();
	if (pid == 0)
		serve(tls, fds[1]);
	if (pid < 0 || read(fds[0], port, sizeof(*port)) != sizeof(*port))
		fatal("server", "did not start");
	close(fds[0]);
	close(fds[1]);
	return pid;
}

/* A self-signed certificate for localhost, which is its own CA file. */
static void
make_certificate(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;
	X509 *cert = X509_new();
	X509_EXTENSION *names;
	FILE *out;
	int fd;

	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1);
	EVP_PKEY_keygen(ctx, &key);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
							   (const unsigned char *) "localhost", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key);
	names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	X509_add_ext(cert, names, -1);
	X509_EXTENSION_free(names);
	X509_sign(cert, key, EVP_sha256());

	snprintf(cert_file, sizeof(cert_file), "/tmp/wa_bench_cert_XXXXXX");
	snprintf(key_file, sizeof(key_file), "/tmp/wa_bench_key_XXXXXX");
	fd = mkstemp(cert_file);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (out == NULL || PEM_write_X509(out, cert) != 1 || fclose(out) != 0)
		fatal(cert_file, "cannot be written");
	fd = mkstemp(key_file);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (out == NULL || PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1 ||
		fclose(out) != 0)
		fatal(key_file, "cannot be written");
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
}

/* Anonymous resident memory in bytes. */
static double
resident(void)
{
	FILE *in = fopen("/proc/self/status", "r");
	char line[256];
	double kb = 0;

	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		sscanf(line, "RssAnon: %lf", &kb);
	if (in != NULL)
		fclose(in);
	return kb * 1024;
}

typedef struct Client
{
	NetLoop *loop;
	NetTarget target;
	NetConn **conns;
	int opened;
	int echoed;
} Client;

static void
client_turn(Client *client)
{
	NetEvent event;

	turn(client->loop);
	while (net_next_event(client->loop, &event))
	{
		const uint8_t *data;
		size_t len;

		if (event.kind == NET_OPENED)
			client->opened++;
		else if (event.kind == NET_CLOSED)
			fatal("connection", event.why);
		else if (event.kind == NET_DATA)
		{
			client->echoed++;
			net_data(event.conn, &data, &len);
			net_consumed(event.conn, len);
		}
	}
}

/* At most 50 under way at a time, as a worker that reconnects its bots. */
static void
open_all(Client *client, int from, int to)
{
	int started = from;
	const char *why;

	while (client->opened < to)
	{
		while (started < to && started - client->opened < 50)
		{
			client->conns[started] = net_connect(client->loop, &client->target, client, &why);
			if (client->conns[started++] == NULL)
				fatal("net_connect", why);
		}
		client_turn(client);
	}
}

static void
echo_once(Client *client, NetConn *conn, const uint8_t *data, size_t len)
{
	int before = client->echoed;

	net_write(conn, data, len);
	while (client->echoed == before)
		client_turn(client);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static void
run(bool tls, int count)
{
	enum
	{
		ROUNDS = 5000
	};
	const char *kind = tls ? "wss" : "ws";
	int port;
	pid_t server = start_server(tls, &port);
	const char *why = NULL;
	char url[64];
	uint8_t message[300] = {0};
	static double times[ROUNDS];
	double wall;
	double cpu;
	double rss;
	size_t heap;
	Client client = {.loop = net_loop_create(0, &why)};

	if (client.loop == NULL)
		fatal("net_loop_create", why);
	snprintf(url, sizeof(url), "%s://%s:%d/ws/chat", kind, tls ? "localhost" : "127.0.0.1", port);
	client.target = (NetTarget){url, NULL, tls ? cert_file : NULL, 30000, 0};
	client.conns = calloc((size_t) count, sizeof(NetConn *));

	/* The first pays for what all share: context, certificates, session. */
	open_all(&client, 0, 1);
	echo_once(&client, client.conns[0], message, 1);
	malloc_trim(0);
	rss = resident();
	heap = mallinfo2().uordblks;
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	open_all(&client, 1, count);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	/* A bot has spoken at least once, and OpenSSL keeps a buffer until then. */
	for (int i = 1; i < count; i++)
		echo_once(&client, client.conns[i], message, 1);
	malloc_trim(0);
	printf("net_%s_idle_rss\t%.2f\tkB\t%s\n", kind, (resident() - rss) / 1024 / (count - 1),
		   tls ? "17.9" : "0.11");
	printf("net_%s_idle_heap\t%.2f\tkB\t%s\n", kind,
		   (double) (mallinfo2().uordblks - heap) / 1024 / (count - 1), tls ? "15.7" : "0.11");
	printf("net_%s_connect_rate\t%.0f\t1/s\t%s\n", kind, (count - 1) / wall,
		   tls ? "3650" : "20000");
	printf("net_%s_connect_cpu\t%.0f\tus\t%s\n", kind, cpu * 1e6 / (count - 1), tls ? "255" : "40");

	for (int i = 0; i < ROUNDS; i++)
	{
		double start = seconds(CLOCK_MONOTONIC);

		echo_once(&client, client.conns[i % count], message, sizeof(message));
		times[i] = (seconds(CLOCK_MONOTONIC) - start) * 1e6;
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	printf("net_%s_echo_p50\t%.0f\tus\t%s\n", kind, times[ROUNDS / 2], tls ? "23" : "16");
	printf("net_%s_echo_p99\t%.0f\tus\t\n", kind, times[ROUNDS * 99 / 100]);
	fflush(stdout);
	net_loop_destroy(client.loop);
	free(client.conns);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

int
main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 1000;
	struct rlimit limit;

	if (count < 2)
		fatal("usage", "bench_net [connections]");
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	/* Else glibc keeps what was freed for as long as it likes. */
	mallopt(M_TRIM_THRESHOLD, 0);
	make_certificate();
	run(false, count);
	run(true, count);
	unlink(cert_file);
	unlink(key_file);
	return 0;
}
