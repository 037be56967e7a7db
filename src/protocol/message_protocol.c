/*
 * message_protocol.c
 *		protocolMessage: edits, deletions, settings, and what the account's own
 *		devices tell each other.  Sheet 2 section 3.7.
 *
 * A stranger who could send the latter would inject history, keys or identities,
 * so whose word is taken is decided here, before anything is read.
 */
#include "message_internal.h"

#define UNPACK(name, bytes, variable)                                                              \
	protobuf_unpack(decoder->arena, &wa__##name##__descriptor, (bytes).data, (bytes).len,          \
					&(variable))

typedef enum Trust
{
	FROM_ANYONE,
	FROM_SELF,  /* another own device, in a message between them */
	FROM_PHONE, /* the phone only */
} Trust;

static Trust
trust_needed(int32_t type)
{
	switch (type)
	{
		case PROTOCOL_HISTORY_SYNC:
		case PROTOCOL_PEER_RESPONSE:
		case PROTOCOL_LID_MAPPING:
			return FROM_PHONE;
		case PROTOCOL_APP_STATE_KEYS:
		case PROTOCOL_APP_STATE_KEY_REQUEST:
		case PROTOCOL_APP_STATE_FATAL:
		case PROTOCOL_PEER_REQUEST:
		case PROTOCOL_MEDIA_NOTIFY:
			return FROM_SELF;
		default:
			return FROM_ANYONE;
	}
}

static bool
is_trusted(const WaMessageDecoder *decoder, int32_t type)
{
	switch (trust_needed(type))
	{
		case FROM_PHONE:
			return decoder->scope->from_self && decoder->scope->from_phone && decoder->private;
		case FROM_SELF:
			return decoder->scope->from_self && decoder->private;
		case FROM_ANYONE:
			break;
	}
	return true;
}

/* ---- history and app state ---- */

static WaStatus
read_history(WaMessageDecoder *decoder, const Wa__HistorySyncNotification *notice,
			 WaProtocol *protocol)
{
	WaHistoryNotice *out = arena_alloc(decoder->arena, sizeof(*out));

	if (out == NULL)
		return decoder->arena->status;
	out->media.kind = MEDIA_HISTORY;
	out->media.sha256 = message_fixed(MESSAGE_TEXT_OF(notice, filesha256), 32);
	out->media.enc_sha256 = message_fixed(MESSAGE_TEXT_OF(notice, fileencsha256), 32);
	out->media.key = message_fixed(MESSAGE_TEXT_OF(notice, mediakey), MEDIA_KEY_LEN);
	out->media.direct_path = MESSAGE_TEXT_OF(notice, directpath);
	out->media.size = notice->filelength;
	out->payload = MESSAGE_TEXT_OF(notice, initialhistbootstrapinlinepayload);
	if (out->payload.len == 0)
		out->payload = WA_STR_NONE;
	out->sync_type = notice->synctype;
	out->chunk = notice->chunkorder;
	out->progress = notice->progress > 100 ? 100 : notice->progress;
	out->oldest_at = message_seconds(notice->oldestmsginchunktimestampsec);
	out->original_id = MESSAGE_TEXT_OF(notice, originalmessageid);
	out->request_id = MESSAGE_TEXT_OF(notice, peerdatarequestsessionid);
	out->handle = MESSAGE_TEXT_OF(notice, enchandle);
	protocol->history = out;
	return WA_OK;
}

static WaAppStateKey *
add_keys(WaMessageDecoder *decoder, size_t n, WaProtocol *protocol)
{
	if (n > MESSAGE_MAX_LIST)
		n = MESSAGE_MAX_LIST;
	protocol->keys = arena_alloc(decoder->arena, n * sizeof(*protocol->keys));
	if (protocol->keys != NULL)
		protocol->n_keys = n;
	return protocol->keys;
}

static void
read_keys(WaMessageDecoder *decoder, const Wa__AppStateSyncKeyShare *share, WaProtocol *protocol)
{
	WaAppStateKey *out = add_keys(decoder, share->n_keys, protocol);

	for (size_t i = 0; i < protocol->n_keys; i++)
	{
		const Wa__AppStateSyncKey *key = share->keys[i];

		if (key->keyid != NULL)
			out[i].id = MESSAGE_TEXT_OF(key->keyid, keyid);
		if (key->keydata == NULL)
			continue;
		out[i].data = message_fixed(MESSAGE_TEXT_OF(key->keydata, keydata), 32);
		out[i].fingerprint = MESSAGE_TEXT_OF(key->keydata, fingerprint);
		out[i].at = message_seconds(key->keydata->timestamp);
	}
}

static void
read_key_request(WaMessageDecoder *decoder, const Wa__AppStateSyncKeyRequest *request,
				 WaProtocol *protocol)
{
	WaAppStateKey *out = add_keys(decoder, request->n_keyids, protocol);

	for (size_t i = 0; i < protocol->n_keys; i++)
		out[i].id = MESSAGE_TEXT_OF(request->keyids[i], keyid);
}

/* ---- identities ---- */

static WaStatus
read_mappings(WaMessageDecoder *decoder, const Wa__LIDMigrationMappingSyncMessage *message,
			  WaProtocol *protocol)
{
	WaStr payload = MESSAGE_TEXT_OF(message, encodedmappingpayload);
	Wa__LIDMigrationMappingSyncPayload *mappings;
	WaAlias **tail = &protocol->aliases;
	WaStatus status;

	if (payload.data == NULL)
		return WA_OK;
	status = UNPACK(lidmigration_mapping_sync_payload, payload, mappings);
	if (status != WA_OK)
		return status;
	if (mappings->chatdbmigrationtimestamp <= INT64_MAX)
		protocol->chats_migrated_at = message_seconds((int64_t) mappings->chatdbmigrationtimestamp);
	for (size_t i = 0; i < mappings->n_pntolidmappings; i++)
	{
		const Wa__LIDMigrationMapping *mapping = mappings->pntolidmappings[i];
		uint64_t lid = mapping->latestlid != 0 ? mapping->latestlid : mapping->assignedlid;
		WaAlias *alias;

		if (mapping->pn == 0 || lid == 0)
			continue;
		alias = arena_alloc(decoder->arena, sizeof(*alias));
		if (alias == NULL)
			return decoder->arena->status;
		alias->pn =
			arena_printf(decoder->arena, "%llu@s.whatsapp.net", (unsigned long long) mapping->pn);
		alias->lid = arena_printf(decoder->arena, "%llu@lid", (unsigned long long) lid);
		alias->authoritative = true;
		*tail = alias;
		tail = &alias->next;
	}
	return WA_OK;
}

/* ---- answers of the phone ---- */

static void
read_result(const Wa__PeerDataOperationResult *result, WaPeerResult *out)
{
	out->code = -1;
	if (result->placeholdermessageresendresponse != NULL)
		out->web_message =
			MESSAGE_TEXT_OF(result->placeholdermessageresendresponse, webmessageinfobytes);
	if (result->syncdsnapshotfatalrecoveryresponse != NULL)
	{
		out->snapshot =
			MESSAGE_TEXT_OF(result->syncdsnapshotfatalrecoveryresponse, collectionsnapshot);
		out->is_compressed = result->syncdsnapshotfatalrecoveryresponse->iscompressed;
	}
	if (result->fullhistorysyncondemandrequestresponse != NULL)
		out->code = result->fullhistorysyncondemandrequestresponse->responsecode;
	if (result->historysyncchunkretryresponse != NULL)
	{
		out->sync_type = result->historysyncchunkretryresponse->synctype;
		out->chunk = result->historysyncchunkretryresponse->chunkorder;
		out->code = result->historysyncchunkretryresponse->responsecode;
	}
}

static WaStatus
read_answer(WaMessageDecoder *decoder, const Wa__PeerDataOperationRequestResponseMessage *answer,
			WaProtocol *protocol)
{
	size_t n = answer->n_peerdataoperationresult;

	if (n > MESSAGE_MAX_LIST)
		n = MESSAGE_MAX_LIST;
	protocol->peer_type = answer->peerdataoperationrequesttype;
	protocol->request_id = MESSAGE_TEXT_OF(answer, stanzaid);
	protocol->results = arena_alloc(decoder->arena, n * sizeof(*protocol->results));
	if (protocol->results == NULL)
		return decoder->arena->status;
	for (size_t i = 0; i < n; i++)
		read_result(answer->peerdataoperationresult[i], &protocol->results[i]);
	protocol->n_results = n;
	return WA_OK;
}

/* ---- the whole ---- */

/* What only some types have. */
static WaStatus
read_payload(WaMessageDecoder *decoder, const Wa__ProtocolMessage *message, WaProtocol *protocol)
{
	switch (protocol->type)
	{
		case PROTOCOL_EDIT:
			return message_decode_nested(decoder, MESSAGE_TEXT_OF(message, editedmessage),
										 &protocol->edited);
		case PROTOCOL_HISTORY_SYNC:
			return message->historysyncnotification == NULL
					   ? WA_ERR_MALFORMED
					   : read_history(decoder, message->historysyncnotification, protocol);
		case PROTOCOL_APP_STATE_KEYS:
			if (message->appstatesynckeyshare != NULL)
				read_keys(decoder, message->appstatesynckeyshare, protocol);
			return WA_OK;
		case PROTOCOL_APP_STATE_KEY_REQUEST:
			if (message->appstatesynckeyrequest != NULL)
				read_key_request(decoder, message->appstatesynckeyrequest, protocol);
			return WA_OK;
		case PROTOCOL_PEER_RESPONSE:
			return message->peerdataoperationrequestresponsemessage == NULL
					   ? WA_ERR_MALFORMED
					   : read_answer(decoder, message->peerdataoperationrequestresponsemessage,
									 protocol);
		case PROTOCOL_LID_MAPPING:
			return message->lidmigrationmappingsyncmessage == NULL
					   ? WA_ERR_MALFORMED
					   : read_mappings(decoder, message->lidmigrationmappingsyncmessage, protocol);
		case PROTOCOL_LIMIT_SHARING:
			protocol->has_limit_sharing = message->limitsharing != NULL;
			protocol->limit_sharing =
				message->limitsharing != NULL && message->limitsharing->sharinglimited;
			return WA_OK;
		case PROTOCOL_MEMBER_LABEL:
			if (message->memberlabel == NULL)
				return WA_OK;
			protocol->member_label = MESSAGE_TEXT_OF(message->memberlabel, label);
			if (protocol->member_label.data == NULL)
				protocol->member_label = str_from("");
			protocol->member_label_at = message_seconds(message->memberlabel->labeltimestamp);
			return WA_OK;
		default:
			return WA_OK;
	}
}

WaStatus
message_decode_protocol(WaMessageDecoder *decoder, WaStr bytes, WaMessage *out)
{
	Wa__ProtocolMessage *message;
	WaStatus status = UNPACK(protocol_message, bytes, message);
	WaProtocol *protocol;

	if (status != WA_OK)
		return status;
	if (!is_trusted(decoder, message->type))
		return message_refuse(out, "protocol message that only own devices may send");
	protocol = out->protocol = arena_alloc(decoder->arena, sizeof(*protocol));
	if (protocol == NULL)
		return decoder->arena->status;
	protocol->type = message->type;
	protocol->at_ms = message_millis(message->timestampms);
	protocol->expires_in = message->ephemeralexpiration;
	protocol->ephemeral_setting_at = message_seconds(message->ephemeralsettingtimestamp);
	out->target = message_key(message->key);
	out->at_ms = protocol->at_ms;
	return read_payload(decoder, message, protocol);
}
