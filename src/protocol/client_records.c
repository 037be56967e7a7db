/*
 * client_records.c
 *		What a stanza needs of the host's tables before it can be read.
 */
#include "client_internal.h"

bool
client_next_need(WaClient *client, WaNeed *need)
{
	(void) client;
	(void) need;
	return false;
}

WaStatus
client_supply(WaClient *client, const WaRecord *record)
{
	(void) client;
	(void) record;
	return WA_OK;
}

void
client_supplied(WaClient *client, WaNow now)
{
	client->now = now;
}

WaStatus
client_query_media_hosts(WaClient *client, WaNow now)
{
	client->now = now;
	return WA_OK;
}
