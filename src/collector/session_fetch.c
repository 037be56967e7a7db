/*
 * session_fetch.c
 *		What fetching needs of the bots, and what it has for them.
 */
#include "postgres.h"

#include "host.h"
#include "session.h"

const WaDevice *
session_device(int64 bot_id)
{
	Session *session = session_find(bot_id);

	return session == NULL || session->client == NULL ? NULL : client_device(session->client);
}

bool
session_is_current(int64 bot_id, uint64 serial)
{
	Session *session = session_find(bot_id);

	return session != NULL && session->client != NULL && session->serial == serial;
}

void
session_give_blob(int64 bot_id, uint64 serial, uint32_t id, const void *data, size_t len, bool gone)
{
	Session *session = session_find(bot_id);

	if (!session_is_current(bot_id, serial))
		return;
	if (data == NULL)
		client_blob_failed(session->client, id, gone, host_now());
	else
		(void) client_blob(session->client, id, data, len, host_now());
	session_settle(session);
	session_make_ready(session);
}

bool
session_ask_upload(int64 bot_id, const WaUploadRequest *request)
{
	Session *session = session_find(bot_id);

	if (session == NULL || session->client == NULL ||
		client_ask_upload(session->client, request, host_now()) != WA_OK)
		return false;
	session_settle(session);
	return true;
}

bool
session_ask_media_hosts(int64 bot_id)
{
	Session *session = session_find(bot_id);

	if (session == NULL || session->client == NULL || session->status != BOT_ONLINE ||
		client_query_media_hosts(session->client, host_now()) != WA_OK)
		return false;
	session_settle(session);
	session_make_ready(session);
	return true;
}
