/*
 * sim_send.c
 *		The other end of the control channel, for scripts: sends one request
 *		and prints its answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim.h"

static int
dial(const char *where)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	char host[64];
	const char *colon = strrchr(where, ':');
	int port = colon == NULL ? 0 : atoi(colon + 1);
	int fd;

	if (colon == NULL || (size_t) (colon - where) >= sizeof(host) || port < 1 || port > 65535)
		return -1;
	memcpy(host, where, (size_t) (colon - where));
	host[colon - where] = '\0';
	at.sin_port = htons((uint16_t) port);
	if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *) &at, sizeof(at)) != 0)
	{
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool
write_all(int fd, const char *data, size_t len)
{
	while (len > 0)
	{
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t) n;
	}
	return true;
}

int
sim_send_request(const char *where, const char *request)
{
	int fd = dial(where);
	char *answer = NULL;
	size_t len = 0;
	json_t *object;
	bool ok;

	if (fd < 0)
	{
		fprintf(stderr, "wa_simulator: cannot connect to %s\n", where);
		return 1;
	}
	ok = write_all(fd, request, strlen(request)) && write_all(fd, "\n", 1);
	while (ok && (len == 0 || answer[len - 1] != '\n'))
	{
		ssize_t n;

		answer = sim_util_grow(answer, len + 65536 + 1);
		n = read(fd, answer + len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		ok = n > 0;
		len += n > 0 ? (size_t) n : 0;
	}
	close(fd);
	if (!ok)
	{
		fputs("wa_simulator: no answer\n", stderr);
		free(answer);
		return 1;
	}
	fwrite(answer, 1, len, stdout);
	object = json_loadb(answer, len, JSON_ALLOW_NUL, NULL);
	ok = json_is_true(json_object_get(object, "ok"));
	json_decref(object);
	free(answer);
	return ok ? 0 : 1;
}
