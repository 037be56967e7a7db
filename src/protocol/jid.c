/*
 * jid.c
 *		Parsing and writing WhatsApp addresses.
 *
 * jid_format is canonical: parsing its result gives the same JID, formatting
 * that gives the same text.
 */
#include "jid.h"

#include <string.h>

/* In the order of WaServer. */
static const WaStr server_names[] = {
	[JID_UNKNOWN] = {NULL, 0},
	[JID_PN] = {"s.whatsapp.net", 14},
	[JID_LID] = {"lid", 3},
	[JID_HOSTED] = {"hosted", 6},
	[JID_HOSTED_LID] = {"hosted.lid", 10},
	[JID_GROUP] = {"g.us", 4},
	[JID_BROADCAST] = {"broadcast", 9},
	[JID_NEWSLETTER] = {"newsletter", 10},
	[JID_BOT] = {"bot", 3},
	[JID_MESSENGER] = {"msgr", 4},
	[JID_INTEROP] = {"interop", 7},
	[JID_CALL] = {"call", 4},
};

#define N_SERVERS ((int) (sizeof(server_names) / sizeof(server_names[0])))

const char *
jid_server_name(WaServer server)
{
	if ((int) server <= JID_UNKNOWN || (int) server >= N_SERVERS)
		return NULL;
	return server_names[server].data;
}

WaServer
jid_server_from(WaStr name)
{
	for (int i = JID_UNKNOWN + 1; i < N_SERVERS; i++)
	{
		if (name.len == server_names[i].len && str_equal(name, server_names[i]))
			return (WaServer) i;
	}
	if (str_is(name, "c.us"))
		return JID_PN;
	return JID_UNKNOWN;
}

bool
jid_is_user(const WaJid *jid)
{
	return jid->server == JID_PN || jid->server == JID_LID || jid->server == JID_HOSTED ||
		   jid->server == JID_HOSTED_LID;
}

/* The largest device number on the wire; 0 where a JID has no device. */
static unsigned
max_device(const WaJid *jid)
{
	if (jid_is_user(jid))
		return 255;
	if (jid->server == JID_MESSENGER || jid->server == JID_INTEROP)
		return 65535;
	return 0;
}

static bool
parse_number(const char *data, size_t len, unsigned max, uint16_t *out)
{
	uint64_t value;

	if (!str_to_u64((WaStr){data, len}, &value) || value > max)
		return false;
	*out = (uint16_t) value;
	return true;
}

/* Takes integrator, agent and device off the user part. */
static WaStatus
split_user(WaJid *jid)
{
	WaStr *user = &jid->user;
	const char *mark;

	if (max_device(jid) == 0)
		return WA_OK;
	mark = memchr(user->data, ':', user->len);
	if (mark != NULL)
	{
		size_t len = (size_t) (mark - user->data);

		if (!parse_number(mark + 1, user->len - len - 1, max_device(jid), &jid->device))
			return WA_ERR_MALFORMED;
		user->len = len;
	}
	if (jid_is_user(jid) && (mark = memchr(user->data, '.', user->len)) != NULL)
		user->len = (size_t) (mark - user->data);
	if (jid->server == JID_INTEROP && (mark = memchr(user->data, '-', user->len)) != NULL)
	{
		size_t len = (size_t) (mark - user->data);

		if (parse_number(user->data, len, 65535, &jid->integrator))
		{
			user->data += len + 1;
			user->len -= len + 1;
		}
	}
	return user->len > 0 ? WA_OK : WA_ERR_MALFORMED;
}

WaStatus
jid_parse(WaStr text, WaJid *out)
{
	WaJid jid = {.server = JID_UNKNOWN};
	const char *at;
	WaStatus status;

	if (text.data == NULL || text.len == 0)
		return WA_ERR_MALFORMED;
	for (size_t i = 0; i < text.len; i++)
	{
		if ((unsigned char) text.data[i] <= ' ' || text.data[i] == 0x7F)
			return WA_ERR_MALFORMED;
	}

	at = memchr(text.data, '@', text.len);
	jid.user = (WaStr){text.data, at == NULL ? 0 : (size_t) (at - text.data)};
	jid.server_name = text;
	if (at != NULL)
	{
		jid.server_name.data = at + 1;
		jid.server_name.len = text.len - jid.user.len - 1;
	}
	if (jid.server_name.len == 0 || memchr(jid.server_name.data, '@', jid.server_name.len) != NULL)
		return WA_ERR_MALFORMED;
	jid.server = jid_server_from(jid.server_name);
	if (at == NULL && jid.server == JID_UNKNOWN)
		return WA_ERR_MALFORMED;

	if (jid.user.len > 0)
	{
		status = split_user(&jid);
		if (status != WA_OK)
			return status;
	}
	*out = jid;
	return WA_OK;
}

/* Writes value in decimal between the marks ('\0' for none); returns the length. */
static size_t
put_number(char out[8], char before, unsigned value, char after)
{
	char digits[5];
	size_t n_digits = 0;
	size_t len = 0;

	do
	{
		digits[n_digits++] = (char) ('0' + value % 10);
		value /= 10;
	} while (value > 0 && n_digits < sizeof(digits));
	if (before != '\0')
		out[len++] = before;
	while (n_digits > 0)
		out[len++] = digits[--n_digits];
	if (after != '\0')
		out[len++] = after;
	return len;
}

WaStr
jid_format(WaArena *arena, const WaJid *jid)
{
	WaStr server = jid->server_name;
	char integrator[8];
	char device[8];
	size_t integrator_len = 0;
	size_t device_len = 0;
	size_t len;
	char *text;
	char *at;

	if (jid->server != JID_UNKNOWN)
		server = str_from(jid_server_name(jid->server));
	if (server.data == NULL)
		return WA_STR_NONE;
	if (jid->user.len == 0 && jid->server != JID_UNKNOWN)
		return server;

	if (jid->server == JID_INTEROP)
		integrator_len = put_number(integrator, '\0', jid->integrator, '-');
	if (jid->device > 0 && max_device(jid) > 0)
		device_len = put_number(device, ':', jid->device, '\0');
	len = integrator_len + jid->user.len + device_len + 1 + server.len;
	text = arena_alloc(arena, len + 1);
	if (text == NULL)
		return WA_STR_NONE;
	at = text;
	memcpy(at, integrator, integrator_len);
	at += integrator_len;
	if (jid->user.len > 0)
		memcpy(at, jid->user.data, jid->user.len);
	at += jid->user.len;
	memcpy(at, device, device_len);
	at += device_len;
	*at++ = '@';
	memcpy(at, server.data, server.len);
	return (WaStr){text, len};
}

static WaServer
base_server(WaServer server)
{
	if (server == JID_HOSTED)
		return JID_PN;
	if (server == JID_HOSTED_LID)
		return JID_LID;
	return server;
}

WaStr
jid_bare(WaArena *arena, WaStr text)
{
	WaJid jid;

	if (jid_parse(text, &jid) != WA_OK)
		return WA_STR_NONE;
	jid.device = 0;
	jid.server = base_server(jid.server);
	return jid_format(arena, &jid);
}

bool
jid_same_user(const WaJid *a, const WaJid *b)
{
	if (base_server(a->server) != base_server(b->server) || a->integrator != b->integrator)
		return false;
	if (a->server == JID_UNKNOWN && !str_equal(a->server_name, b->server_name))
		return false;
	return a->user.len == b->user.len &&
		   (a->user.len == 0 || memcmp(a->user.data, b->user.data, a->user.len) == 0);
}
