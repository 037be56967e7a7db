/*
 * payload.c
 *		Makes and reads ClientPayload.  Zeroes that the server expects to see on
 *		the wire are written with their has_ flag (fields-1.md).
 */
#include "payload.h"

#include <string.h>

#include "jid.h"
#include "protobuf.h"
#include "transport.pb-c.h"

/* What every web client says (section 4.1). */
#define PLATFORM_WEB 14
#define RELEASE_CHANNEL_RELEASE 0
#define WEB_BROWSER 0
#define CONNECT_WIFI_UNKNOWN 1
#define CONNECT_USER_ACTIVATED 1

#define KEY_TYPE 0x05

/* The icon in the list of linked devices; pairing_qr says the same. */
#define PLATFORM_TYPE_CHROME 1

#define HISTORY_QUOTA_MB 10240
#define HISTORY_THUMBNAIL_DAYS 60

#define MAX_PAYLOAD (64 * 1024)

WaStatus
payload_parse_version(const char *text, uint32_t version[3])
{
	uint32_t parsed[3];

	for (int i = 0; i < 3; i++)
	{
		size_t len = strcspn(text, ".");
		uint64_t value;

		if (len > 10 || !str_to_u64((WaStr){text, len}, &value) || value > UINT32_MAX)
			return WA_ERR_MALFORMED;
		parsed[i] = (uint32_t) value;
		text += len;
		if (*text != (i < 2 ? '.' : '\0'))
			return WA_ERR_MALFORMED;
		if (i < 2)
			text++;
	}
	memcpy(version, parsed, sizeof(parsed));
	return WA_OK;
}

/* MD5 of the version as text; the server compares it with appVersion. */
static WaStatus
hash_version(const WaEnv *env, const uint32_t version[3], uint8_t out[16])
{
	WaArena arena;
	WaStr text;
	WaStatus status = WA_ERR_NOMEM;

	arena_init(&arena, env, 256);
	text = arena_printf(&arena, "%u.%u.%u", version[0], version[1], version[2]);
	if (text.data != NULL)
		status = crypto_md5(text.data, text.len, out);
	arena_free(&arena);
	return status;
}

static WaStatus
pack_device_props(const char *device_name, WaBuf *out)
{
	Wa__DeviceProps props = WA__DEVICE_PROPS__INIT;
	Wa__DeviceProps__AppVersion version = WA__DEVICE_PROPS__APP_VERSION__INIT;
	Wa__DeviceProps__HistorySyncConfig history = WA__DEVICE_PROPS__HISTORY_SYNC_CONFIG__INIT;
	union
	{
		const char *in;
		char *out;
	} name = {.in = device_name};

	version.has_primary = version.has_secondary = version.has_tertiary = true;
	version.secondary = 1;

	history.has_storagequotamb = true;
	history.storagequotamb = HISTORY_QUOTA_MB;
	history.has_inlineinitialpayloadine2eemsg = history.inlineinitialpayloadine2eemsg = true;
	history.has_supportcallloghistory = history.supportcallloghistory = true;
	history.has_supportbotuseragentchathistory = history.supportbotuseragentchathistory = true;
	history.has_supportcagreactionsandpolls = history.supportcagreactionsandpolls = true;
	history.has_supportbizhostedmsg = history.supportbizhostedmsg = true;
	history.has_supportrecentsyncchunkmessagecounttuning = true;
	history.supportrecentsyncchunkmessagecounttuning = true;
	history.has_supporthostedgroupmsg = history.supporthostedgroupmsg = true;
	history.has_supportfbidbotchathistory = history.supportfbidbotchathistory = true;
	history.has_supportmessageassociation = history.supportmessageassociation = true;
	history.has_supportgrouphistory = history.supportgrouphistory = true;
	history.has_thumbnailsyncdayslimit = true;
	history.thumbnailsyncdayslimit = HISTORY_THUMBNAIL_DAYS;
	history.has_supportmanushistory = history.supportmanushistory = true;
	history.has_supporthatchhistory = history.supporthatchhistory = true;

	props.os = name.out;
	props.version = &version;
	props.has_platformtype = true;
	props.platformtype = PLATFORM_TYPE_CHROME;
	props.has_requirefullsync = true;
	props.requirefullsync = false;
	props.historysyncconfig = &history;
	return protobuf_pack(&props.base, out);
}

/* Section 4.2.  props holds what the message borrows until it is packed. */
static WaStatus
pack_registration(const WaEnv *env, const WaDevice *device, const uint32_t version[3],
				  const char *device_name, Wa__ClientPayload *payload, WaBuf *out)
{
	Wa__ClientPayload__DevicePairingRegistrationData data =
		WA__CLIENT_PAYLOAD__DEVICE_PAIRING_REGISTRATION_DATA__INIT;
	uint32_t id = device->registration_id;
	uint32_t skey_id = device->signed_prekey.id;
	uint8_t id_bytes[4] = {(uint8_t) (id >> 24), (uint8_t) (id >> 16), (uint8_t) (id >> 8),
						   (uint8_t) id};
	uint8_t skey_bytes[3] = {(uint8_t) (skey_id >> 16), (uint8_t) (skey_id >> 8),
							 (uint8_t) skey_id};
	uint8_t key_type = KEY_TYPE;
	uint8_t build_hash[16];
	WaBuf props;
	WaStatus status;

	buf_init(&props, env, MAX_PAYLOAD);
	status = hash_version(env, version, build_hash);
	if (status == WA_OK)
		status = pack_device_props(device_name, &props);
	if (status == WA_OK)
	{
		data.has_eregid = true;
		data.eregid = protobuf_bytes(id_bytes, sizeof(id_bytes));
		data.has_ekeytype = true;
		data.ekeytype = protobuf_bytes(&key_type, 1);
		data.has_eident = true;
		data.eident = protobuf_bytes(device->identity.public_key, CRYPTO_KEY_LEN);
		data.has_eskeyid = true;
		data.eskeyid = protobuf_bytes(skey_bytes, sizeof(skey_bytes));
		data.has_eskeyval = true;
		data.eskeyval = protobuf_bytes(device->signed_prekey.pair.public_key, CRYPTO_KEY_LEN);
		data.has_eskeysig = true;
		data.eskeysig = protobuf_bytes(device->signed_prekey_signature, CRYPTO_SIGNATURE_LEN);
		data.has_buildhash = true;
		data.buildhash = protobuf_bytes(build_hash, sizeof(build_hash));
		data.has_deviceprops = true;
		data.deviceprops = protobuf_bytes(buf_data(&props), buf_len(&props));

		payload->has_passive = true;
		payload->passive = false;
		payload->has_pull = true;
		payload->pull = false;
		payload->devicepairingdata = &data;
		status = protobuf_pack(&payload->base, out);
		payload->devicepairingdata = NULL;
	}
	buf_free(&props);
	return status;
}

/* Section 4.3.  passive is true like whatsmeow and Baileys: section 7.4. */
static WaStatus
pack_login(const WaDevice *device, Wa__ClientPayload *payload, WaBuf *out)
{
	WaJid jid;
	uint64_t username;

	if (jid_parse(str_from(device->jid), &jid) != WA_OK || !str_to_u64(jid.user, &username))
		return WA_ERR_ARGUMENT;
	payload->has_username = true;
	payload->username = username;
	payload->has_device = true;
	payload->device = jid.device;
	payload->has_passive = true;
	payload->passive = true;
	payload->has_pull = true;
	payload->pull = true;
	payload->has_lc = true;
	payload->lc = device->login_counter > INT32_MAX ? INT32_MAX : (int32_t) device->login_counter;
	payload->has_liddbmigrated = true;
	payload->liddbmigrated = true;
	return protobuf_pack(&payload->base, out);
}

WaStatus
payload_build(const WaEnv *env, const WaDevice *device, const uint32_t version[3],
			  const char *device_name, WaBuf *out)
{
	Wa__ClientPayload payload = WA__CLIENT_PAYLOAD__INIT;
	Wa__ClientPayload__UserAgent agent = WA__CLIENT_PAYLOAD__USER_AGENT__INIT;
	Wa__ClientPayload__UserAgent__AppVersion app =
		WA__CLIENT_PAYLOAD__USER_AGENT__APP_VERSION__INIT;
	Wa__ClientPayload__WebInfo web = WA__CLIENT_PAYLOAD__WEB_INFO__INIT;
	char no_network[] = "000";
	char os_version[] = "0.1";
	char desktop[] = "Desktop";
	char language[] = "en";
	char country[] = "US";

	app.has_primary = app.has_secondary = app.has_tertiary = true;
	app.primary = version[0];
	app.secondary = version[1];
	app.tertiary = version[2];

	agent.has_platform = true;
	agent.platform = PLATFORM_WEB;
	agent.appversion = &app;
	agent.mcc = no_network;
	agent.mnc = no_network;
	agent.osversion = os_version;
	agent.device = desktop;
	agent.osbuildnumber = os_version;
	agent.has_releasechannel = true;
	agent.releasechannel = RELEASE_CHANNEL_RELEASE;
	agent.localelanguageiso6391 = language;
	agent.localecountryiso31661alpha2 = country;

	web.has_websubplatform = true;
	web.websubplatform = WEB_BROWSER;

	payload.useragent = &agent;
	payload.webinfo = &web;
	payload.has_connecttype = true;
	payload.connecttype = CONNECT_WIFI_UNKNOWN;
	payload.has_connectreason = true;
	payload.connectreason = CONNECT_USER_ACTIVATED;

	if (device_is_linked(device))
		return pack_login(device, &payload, out);
	return pack_registration(env, device, version, device_name, &payload, out);
}

/* ---- the server's side ---- */

static bool
copy_bytes(bool present, const ProtobufCBinaryData *field, void *out, size_t len)
{
	if (!present || field->len != len)
		return false;
	memcpy(out, field->data, len);
	return true;
}

/* A big-endian number of exactly len bytes. */
static bool
read_number(bool present, const ProtobufCBinaryData *field, size_t len, uint32_t *out)
{
	if (!present || field->len != len)
		return false;
	*out = 0;
	for (size_t i = 0; i < len; i++)
		*out = *out << 8 | field->data[i];
	return true;
}

static WaStatus
parse_registration(WaArena *arena, const Wa__ClientPayload__DevicePairingRegistrationData *data,
				   WaPayloadInfo *info)
{
	Wa__DeviceProps *props;
	WaStatus status;

	if (!read_number(data->has_eregid, &data->eregid, 4, &info->registration_id) ||
		!copy_bytes(data->has_eident, &data->eident, info->identity, sizeof(info->identity)) ||
		!read_number(data->has_eskeyid, &data->eskeyid, 3, &info->signed_prekey_id) ||
		!copy_bytes(data->has_eskeyval, &data->eskeyval, info->signed_prekey,
					sizeof(info->signed_prekey)) ||
		!copy_bytes(data->has_eskeysig, &data->eskeysig, info->signed_prekey_signature,
					sizeof(info->signed_prekey_signature)) ||
		!copy_bytes(data->has_buildhash, &data->buildhash, info->build_hash,
					sizeof(info->build_hash)) ||
		!data->has_deviceprops)
		return WA_ERR_MALFORMED;
	status = protobuf_unpack(arena, &wa__device_props__descriptor, data->deviceprops.data,
							 data->deviceprops.len, &props);
	if (status != WA_OK)
		return status;
	info->device_name = str_from(props->os);
	info->platform_type = props->platformtype;
	return WA_OK;
}

WaStatus
payload_parse(WaArena *arena, const uint8_t *data, size_t len, WaPayloadInfo *out)
{
	WaPayloadInfo info;
	Wa__ClientPayload *payload;
	Wa__ClientPayload__UserAgent__AppVersion *app;
	WaStatus status;

	if (len > MAX_PAYLOAD)
		return WA_ERR_LIMIT;
	status = protobuf_unpack(arena, &wa__client_payload__descriptor, data, len, &payload);
	if (status != WA_OK)
		return status;
	memset(&info, 0, sizeof(info));
	app = payload->useragent == NULL ? NULL : payload->useragent->appversion;
	if (app == NULL)
		return WA_ERR_MALFORMED;
	info.version[0] = app->primary;
	info.version[1] = app->secondary;
	info.version[2] = app->tertiary;
	info.passive = payload->passive;
	info.pull = payload->pull;
	info.registration = payload->devicepairingdata != NULL;

	/* one or the other tells what the client wants (section 4) */
	if (info.registration == (bool) payload->has_username)
		return WA_ERR_MALFORMED;
	info.username = payload->username;
	info.device = payload->device;
	if (info.registration)
		status = parse_registration(arena, payload->devicepairingdata, &info);
	if (status == WA_OK)
		*out = info;
	return status;
}
