/*
 * sim_main.c
 *		wa_simulator: a WhatsApp service on loopback for tests and for the
 *		quickstart.  docs/simulator.md describes it.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "sim.h"
#include "sim_media.h"

static volatile sig_atomic_t stop;
static uv_timer_t tick;

static void
on_signal(int number)
{
	(void) number;
	stop = 1;
}

static void
on_tick(uv_timer_t *handle)
{
	(void) handle;
	sim_server_tick();
}

static void
usage(FILE *out)
{
	fputs("wa_simulator: a WhatsApp service on loopback\n"
		  "\n"
		  "  wa_simulator [--listen HOST:PORT] [--control HOST:PORT] [--seed N]\n"
		  "               [--media HOST:PORT] [--tls-cert FILE --tls-key FILE]\n"
		  "               [--media-tls-cert FILE --media-tls-key FILE] [--trace]\n"
		  "  wa_simulator --send HOST:PORT REQUEST\n"
		  "\n"
		  "  --listen    where clients connect (default 127.0.0.1:0, any free port)\n"
		  "  --control   where requests are taken (default 127.0.0.1:0)\n"
		  "  --media     where files are uploaded and downloaded (default 127.0.0.1:0)\n"
		  "  --seed      makes keys of the service and all its choices repeatable\n"
		  "  --tls-cert, --tls-key  serve wss:// with this certificate\n"
		  "  --media-tls-cert, --media-tls-key  serve https beside http there (default: the same)\n"
		  "  --trace     prints every stanza to standard error\n"
		  "  --send      sends one JSON request to a running simulator, prints the answer\n"
		  "\n"
		  "When it is ready it prints one line:\n"
		  "  {\"endpoint\":\"ws://...\",\"control\":\"HOST:PORT\",\"root_key\":\"<hex>\"}\n",
		  out);
}

/* "127.0.0.1:0"; only loopback is served. */
static bool
read_address(const char *text, char host[64], int *port)
{
	const char *colon = strrchr(text, ':');
	char *end;

	if (colon == NULL || (size_t) (colon - text) >= 64 || strncmp(text, "127.", 4) != 0)
		return false;
	memcpy(host, text, (size_t) (colon - text));
	host[colon - text] = '\0';
	*port = (int) strtol(colon + 1, &end, 10);
	return *end == '\0' && colon[1] != '\0' && *port >= 0 && *port <= 65535;
}

/* The service's own keys; from the seed when there is one. */
static bool
make_keys(bool seeded)
{
	static const char *const names[] = {"root", "static"};
	WaKeyPair *const pairs[] = {&sim.root, &sim.server_static};

	for (int i = 0; i < 2; i++)
	{
		char text[64];
		uint8_t private_key[32];

		if (!seeded)
		{
			if (crypto_keypair_generate(sim.env, pairs[i]) != WA_OK)
				return false;
			continue;
		}
		snprintf(text, sizeof(text), "wa_simulator %s %llu", names[i],
				 (unsigned long long) sim.seed);
		if (crypto_sha256(text, strlen(text), private_key) != WA_OK ||
			crypto_keypair_from_private(private_key, pairs[i]) != WA_OK)
			return false;
	}
	return true;
}

/* A connection is a descriptor: take as many as the system lets us have. */
static void
raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
	{
		files.rlim_cur = files.rlim_max;
		(void) setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void
run(void)
{
	while (!stop && !sim.quit)
	{
		struct pollfd fd = {net_loop_fd(sim.loop), POLLIN, 0};

		if (poll(&fd, 1, net_loop_timeout_ms(sim.loop)) < 0 && errno != EINTR)
			break;
		net_loop_run(sim.loop);
		sim_server_events();
	}
	/* the answer to "quit" has to leave */
	net_loop_run(sim.loop);
}

typedef struct Arguments
{
	const char *listen_at;
	const char *control_at;
	const char *media_at;
	const char *cert;
	const char *key;
	const char *media_cert;
	const char *media_key;
	bool seeded;
} Arguments;

static bool
listen_all(const Arguments *args, const char **why)
{
	char host[64];
	int port;

	if (!read_address(args->listen_at, host, &port))
	{
		*why = "--listen wants a loopback HOST:PORT";
		return false;
	}
	if (!sim_server_start(host, port, args->cert, args->key, &port, why))
		return false;
	snprintf(sim.endpoint, sizeof(sim.endpoint), "%s://%s:%d/ws/chat",
			 args->cert != NULL ? "wss" : "ws", host, port);
	if (!read_address(args->media_at, host, &port))
	{
		*why = "--media wants a loopback HOST:PORT";
		return false;
	}
	if (!sim_media_start(host, port, args->media_cert, args->media_key, why))
		return false;
	if (!read_address(args->control_at, host, &port))
	{
		*why = "--control wants a loopback HOST:PORT";
		return false;
	}
	if (!sim_control_start(host, port, &port, why))
		return false;
	snprintf(sim.control, sizeof(sim.control), "%s:%d", host, port);
	return true;
}

static int
serve(const Arguments *args)
{
	struct sigaction action = {.sa_handler = on_signal};
	const char *why = "";
	char hex[65];

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	sim_util_seed(args->seeded ? sim.seed
							   : (uint64_t) sim_util_now_us() ^ (uint64_t) getpid() << 40);
	if (!make_keys(args->seeded))
		why = "cannot make keys";
	else if ((sim.loop = net_loop_create(0, &why)) == NULL)
		;
	else if (listen_all(args, &why))
	{
		sim_util_hex(sim.root.public_key, 32, hex);
		uv_timer_init(net_loop_uv(sim.loop), &tick);
		uv_timer_start(&tick, on_tick, 1000, 1000);
		printf("{\"endpoint\":\"%s\",\"control\":\"%s\",\"root_key\":\"%s\"}\n", sim.endpoint,
			   sim.control, hex);
		fflush(stdout);
		run();
		return 0;
	}
	fprintf(stderr, "wa_simulator: %s\n", why);
	return 1;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'},
		{"control", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'},
		{"media", required_argument, NULL, 'm'},
		{"tls-cert", required_argument, NULL, 'C'},
		{"tls-key", required_argument, NULL, 'K'},
		{"media-tls-cert", required_argument, NULL, 'D'},
		{"media-tls-key", required_argument, NULL, 'L'},
		{"trace", no_argument, NULL, 't'},
		{"send", required_argument, NULL, 'S'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	Arguments args = {
		.listen_at = "127.0.0.1:0",
		.control_at = "127.0.0.1:0",
		.media_at = "127.0.0.1:0",
	};
	const char *send_to = NULL;
	int option;

	sim.env = env_default();
	sim.options = (SimOptions){
		.added_add = true,
		.added_create = true,
		.new_groups_lid = true,
		.edge_routing = true,
		.ping_seconds = 60,
		.ack_seconds = 3000,
		.link_seconds = 180,
		.app_state = true,
		.app_state_page = 50,
	};
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
	{
		switch (option)
		{
			case 'l':
				args.listen_at = optarg;
				break;
			case 'c':
				args.control_at = optarg;
				break;
			case 's':
				sim.seed = strtoull(optarg, NULL, 10);
				args.seeded = true;
				break;
			case 'C':
				args.cert = optarg;
				break;
			case 'K':
				args.key = optarg;
				break;
			case 'm':
				args.media_at = optarg;
				break;
			case 'D':
				args.media_cert = optarg;
				break;
			case 'L':
				args.media_key = optarg;
				break;
			case 't':
				sim.options.trace = true;
				break;
			case 'S':
				send_to = optarg;
				break;
			case 'h':
				usage(stdout);
				return 0;
			default:
				usage(stderr);
				return 2;
		}
	}
	if (send_to != NULL && optind == argc - 1)
		return sim_send_request(send_to, argv[optind]);
	if (optind != argc || send_to != NULL || (args.cert == NULL) != (args.key == NULL) ||
		(args.media_cert == NULL) != (args.media_key == NULL))
	{
		usage(stderr);
		return 2;
	}
	if (args.media_cert == NULL)
	{
		args.media_cert = args.cert;
		args.media_key = args.key;
	}
	return serve(&args);
}
