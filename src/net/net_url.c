/*
 * net_url.c
 *		ws://, wss://, http:// and https:// addresses taken apart.
 *
 * Nothing gets through that would mean something else in an HTTP request or
 * in a certificate check: no user name, no fragment, no space, no control
 * character, and only characters that a host name has.
 */
#include "net_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool
is_literal(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* "[v6]" or a name at *text; moves *text behind it. */
static bool
parse_host(const char **text, NetUrl *url, bool *bracketed)
{
	const char *start = *text;
	size_t len;

	*bracketed = *start == '[';
	if (*bracketed)
	{
		start++;
		len = strcspn(start, "]");
		if (start[len] != ']')
			return false;
		*text = start + len + 1;
	}
	else
	{
		len = strcspn(start, ":/?#");
		*text = start + len;
	}
	if (len == 0 || len >= sizeof(url->host))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) start[i];

		if (!isalnum(c) && c != '-' && c != '.' && c != '_' && !(*bracketed && c == ':'))
			return false;
	}
	memcpy(url->host, start, len);
	url->host[len] = '\0';
	url->literal = is_literal(url->host);
	return !*bracketed || (url->literal && strchr(url->host, ':') != NULL);
}

static bool
parse_port(const char **text, NetUrl *url)
{
	int port = 0;
	const char *p = *text;

	if (*p != ':')
		return true;
	for (p++; *p >= '0' && *p <= '9'; p++)
	{
		port = port * 10 + (*p - '0');
		if (port > 65535)
			return false;
	}
	if (port == 0)
		return false;
	url->port = port;
	*text = p;
	return true;
}

static bool
parse_scheme(const char **text, NetUrl *url, NetScheme scheme, const char **why)
{
	const char *name = scheme == NET_SCHEME_WS ? "ws" : "http";
	const char *p = *text;

	if (strncasecmp(p, name, strlen(name)) == 0)
	{
		p += strlen(name);
		url->secure = *p == 's' || *p == 'S';
		if (strncmp(url->secure ? p + 1 : p, "://", 3) == 0)
		{
			url->port = url->secure ? 443 : 80;
			*text = url->secure ? p + 4 : p + 3;
			return true;
		}
	}
	*why = scheme == NET_SCHEME_WS ? "the address must begin with ws:// or wss://"
								   : "the address must begin with http:// or https://";
	return false;
}

bool
net_parse_url(const char *text, NetScheme scheme, NetUrl *url, const char **why)
{
	const char *p = text;
	bool bracketed;
	int written;

	memset(url, 0, sizeof(*url));
	if (!parse_scheme(&p, url, scheme, why))
		return false;
	if (!parse_host(&p, url, &bracketed))
	{
		*why = "the address has no valid host name";
		return false;
	}
	if (!parse_port(&p, url))
	{
		*why = "the port must be between 1 and 65535";
		return false;
	}
	if (*p != '\0' && *p != '/')
	{
		*why = "the host must be followed by a port or a path";
		return false;
	}
	if (*p == '\0')
		p = "/";
	for (const char *c = p; *c != '\0'; c++)
	{
		if (*c <= ' ' || *c == '#' || *c == 0x7f)
		{
			*why = "the path has a character that an address cannot have";
			return false;
		}
	}
	if (strlen(p) >= sizeof(url->path))
	{
		*why = "the path is too long";
		return false;
	}
	memcpy(url->path, p, strlen(p) + 1);

	if (url->port == (url->secure ? 443 : 80))
		written =
			snprintf(url->authority, sizeof(url->authority), bracketed ? "[%s]" : "%s", url->host);
	else
		written = snprintf(url->authority, sizeof(url->authority), bracketed ? "[%s]:%d" : "%s:%d",
						   url->host, url->port);
	if (written < 0 || (size_t) written >= sizeof(url->authority))
	{
		*why = "the address has no valid host name";
		return false;
	}
	return true;
}

bool
net_check_url(const char *url, const char **why)
{
	NetUrl parsed;

	return net_parse_url(url, NET_SCHEME_WS, &parsed, why);
}
