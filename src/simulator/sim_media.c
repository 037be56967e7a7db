/*
 * sim_media.c
 *		The media service: where clients upload files and download them from.
 *		Sheet 2 section 7.9.
 *
 * Files lie one behind the other in one unlinked file and are never read whole.
 * The keys that a kind of file is encrypted with are derived here a second
 * time, on purpose not by the client's code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim_http.h"
#include "sim_media.h"

#define MAC_LEN 10

static const struct
{
	const char *kind;
	const char *info;     /* of the key derivation */
	const char *mms_type; /* in the query of a download */
} kinds[] = {
	{"image", "WhatsApp Image Keys", "image"},
	{"sticker", "WhatsApp Image Keys", "image"},
	{"video", "WhatsApp Video Keys", "video"},
	{"audio", "WhatsApp Audio Keys", "audio"},
	{"document", "WhatsApp Document Keys", "document"},
	{"history", "WhatsApp History Keys", "md-msg-hist"},
	{"app_state", "WhatsApp App State Keys", "md-app-state"},
	{"sticker_pack", "WhatsApp Sticker Pack Keys", "sticker-pack"},
	{"thumbnail_link", "WhatsApp Link Thumbnail Keys", "thumbnail-link"},
	{"group_history", "Group History", "group-history"},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What goes wrong with downloads. */
typedef struct Fault
{
	struct Fault *next;
	char effect[16];
	char of[16];    /* only files of this kind; "" all */
	char path[128]; /* only this file; "" all */
	char to[256];   /* of a redirect */
	uint64_t bytes;
	int code;
	int left; /* uses left, -1 unlimited */
} Fault;

/* A file on its way to a client. */
typedef struct Reading
{
	const SimBlob *blob;
	uint64_t wrong_at; /* that byte is another one; SIM_HTTP_NEVER none */
} Reading;

static struct
{
	FILE *file;
	uint64_t end; /* bytes in it */
	SimMap by_path;
	SimBlob *blobs;
	Fault *faults;
	json_t *hosts; /* NULL: only this one */
	bool secure;
	char host[80]; /* with port */
	char auth[24];
	int files;
	int uploads;
	int downloads; /* answered with a file */
	int refused;
	int deletes;
} media;

/* ---- files ---- */

/* base64url without padding */
static void
token_of(const uint8_t hash[32], char out[48])
{
	crypto_base64(hash, 32, out);
	for (char *at = out; *at != '\0'; at++)
	{
		if (*at == '+')
			*at = '-';
		else if (*at == '/')
			*at = '_';
		else if (*at == '=')
		{
			*at = '\0';
			break;
		}
	}
}

static bool
write_all(const uint8_t *data, size_t len)
{
	while (len > 0)
	{
		ssize_t n = pwrite(fileno(media.file), data, len, (off_t) media.end);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t) n;
		media.end += (uint64_t) n;
	}
	return true;
}

/* Gives it a path and takes it in. */
static void
publish(SimBlob *blob)
{
	char name[28];

	sim_util_random_text(name, sizeof(name) - 1);
	snprintf(blob->path, sizeof(blob->path), "/v/t62.7118-24/%s.enc", name);
	sim_map_put(&media.by_path, blob->path, blob);
	snprintf(blob->path + strlen(blob->path), sizeof(blob->path) - strlen(blob->path),
			 "?ccb=11-4&oh=01_%.8s&oe=7FFFFFFF&_nc_sid=5e03e0", name);
	blob->next = media.blobs;
	media.blobs = blob;
	media.files++;
}

static SimBlob *
store(const char *kind, const uint8_t *data, size_t len)
{
	SimBlob *blob;

	if (media.file == NULL && (media.file = tmpfile()) == NULL)
		return NULL;
	blob = sim_util_alloc(sizeof(*blob));
	snprintf(blob->kind, sizeof(blob->kind), "%s", kind);
	blob->at = media.end;
	blob->enc_size = len;
	if (!write_all(data, len) || crypto_sha256(data, len, blob->enc_sha256) != WA_OK)
	{
		free(blob);
		return NULL;
	}
	publish(blob);
	return blob;
}

SimBlob *
sim_media_again(const SimBlob *blob)
{
	SimBlob *again;

	if (blob == NULL || blob->lost)
		return NULL;
	again = sim_util_alloc(sizeof(*again));
	*again = *blob;
	again->gone = 0;
	again->downloads = 0;
	publish(again);
	return again;
}

SimBlob *
sim_media_put(const char *kind, const uint8_t *plain, size_t len, const uint8_t *key)
{
	uint8_t own_key[32];
	uint8_t keys[112]; /* iv, cipher key, MAC key, and one that nobody uses */
	size_t cipher_len = len / 16 * 16 + 16;
	uint8_t mac[32];
	uint8_t *bytes;
	SimBlob *blob;
	size_t i = 0;

	while (i < N_KINDS && strcmp(kinds[i].kind, kind) != 0)
		i++;
	if (i == N_KINDS)
		return NULL;
	if (key == NULL && crypto_random(sim.env, own_key, sizeof(own_key)) != WA_OK)
		return NULL;
	key = key == NULL ? own_key : key;
	/* the MAC is over iv and ciphertext: they lie together */
	bytes = sim_util_alloc(16 + cipher_len + sizeof(mac));
	if (crypto_hkdf_sha256(key, 32, NULL, 0, kinds[i].info, strlen(kinds[i].info), keys,
						   sizeof(keys)) != WA_OK ||
		crypto_aes256_cbc_encrypt(keys + 16, keys, plain, len, bytes + 16) != WA_OK ||
		(memcpy(bytes, keys, 16), crypto_hmac_sha256(keys + 48, 32, bytes, 16 + cipher_len, mac)) !=
			WA_OK)
	{
		free(bytes);
		return NULL;
	}
	memcpy(bytes + 16 + cipher_len, mac, MAC_LEN);
	blob = store(kind, bytes + 16, cipher_len + MAC_LEN);
	free(bytes);
	if (blob != NULL)
	{
		memcpy(blob->key, key, 32);
		blob->size = len;
		(void) crypto_sha256(plain, len, blob->sha256);
	}
	return blob;
}

SimBlob *
sim_media_find(const char *path)
{
	char plain[128];

	snprintf(plain, sizeof(plain), "%.*s", (int) strcspn(path, "?"), path);
	return sim_map_get(&media.by_path, plain);
}

void
sim_media_url(const SimBlob *blob, char *out, size_t size)
{
	snprintf(out, size, "%s://%s%s", media.secure ? "https" : "http", media.host, blob->path);
}

static bool
read_blob(void *source, uint64_t at, uint8_t *out, size_t len)
{
	const Reading *reading = source;
	uint64_t size = reading->blob->enc_size;
	uint64_t from = at;

	/* an endless body begins anew */
	for (size_t done = 0; done < len;)
	{
		uint64_t offset = (from + done) % size;
		size_t n = len - done;
		ssize_t got;

		if (size - offset < n)
			n = (size_t) (size - offset);
		got = pread(fileno(media.file), out + done, n, (off_t) (reading->blob->at + offset));
		if (got <= 0)
			return false;
		done += (size_t) got;
	}
	if (reading->wrong_at >= at && reading->wrong_at - at < len)
		out[reading->wrong_at - at] ^= 0x55;
	return true;
}

/* ---- faults ---- */

static Fault *
take_fault(const SimBlob *blob)
{
	for (Fault *fault = media.faults; fault != NULL; fault = fault->next)
	{
		if (fault->left == 0 || (fault->of[0] != '\0' && strcmp(fault->of, blob->kind) != 0) ||
			(fault->path[0] != '\0' && strcmp(fault->path, blob->path) != 0))
			continue;
		if (fault->left > 0)
			fault->left--;
		return fault;
	}
	return NULL;
}

static void
apply_fault(const Fault *fault, Reading *reading, SimHttpAnswer *answer)
{
	uint64_t bytes = fault->bytes < answer->length ? fault->bytes : answer->length;

	if (strcmp(fault->effect, "status") == 0 || strcmp(fault->effect, "redirect") == 0)
	{
		answer->status = fault->code;
		answer->location = fault->to[0] != '\0' ? fault->to : NULL;
		answer->length = 0;
	}
	else if (strcmp(fault->effect, "stall") == 0)
		answer->stall_at = bytes;
	else if (strcmp(fault->effect, "cut") == 0)
		answer->cut_at = bytes;
	else if (strcmp(fault->effect, "truncated") == 0)
		answer->length = bytes;
	else if (strcmp(fault->effect, "wrong") == 0)
		reading->wrong_at = bytes < answer->length ? bytes : answer->length - 1;
	else if (strcmp(fault->effect, "slow") == 0)
		answer->bytes_per_second = fault->bytes;
	else
		answer->length = SIM_HTTP_NO_LENGTH;
}

const char *
sim_media_fault_add(json_t *request)
{
	static const char *const effects[] = {
		"stall", "cut", "truncated", "wrong", "slow", "status", "redirect", "endless",
	};
	const char *effect = json_string_value(json_object_get(request, "effect"));
	const char *of = json_string_value(json_object_get(request, "of"));
	const char *path = json_string_value(json_object_get(request, "direct_path"));
	const char *to = json_string_value(json_object_get(request, "to"));
	json_t *times = json_object_get(request, "times");
	json_t *bytes = json_object_get(request, "bytes");
	json_t *code = json_object_get(request, "code");
	bool is_slow = effect != NULL && strcmp(effect, "slow") == 0;
	bool is_redirect = effect != NULL && strcmp(effect, "redirect") == 0;
	Fault *fault;
	size_t i = 0;

	while (i < sizeof(effects) / sizeof(effects[0]) &&
		   (effect == NULL || strcmp(effects[i], effect) != 0))
		i++;
	if (i == sizeof(effects) / sizeof(effects[0]))
		return "effect must be stall, cut, truncated, wrong, slow, status, redirect or endless";
	fault = sim_util_alloc(sizeof(*fault));
	snprintf(fault->effect, sizeof(fault->effect), "%s", effect);
	snprintf(fault->of, sizeof(fault->of), "%s", of != NULL ? of : "");
	snprintf(fault->path, sizeof(fault->path), "%s", path != NULL ? path : "");
	if (is_redirect)
		snprintf(fault->to, sizeof(fault->to), "%s", to != NULL ? to : "/elsewhere");
	fault->bytes = json_is_integer(bytes) ? (uint64_t) json_integer_value(bytes) : 0;
	if (is_slow && fault->bytes == 0)
		fault->bytes = 1000;
	fault->code = json_is_integer(code) ? (int) json_integer_value(code) : is_redirect ? 302 : 503;
	fault->left = json_is_integer(times) ? (int) json_integer_value(times) : -1;
	fault->next = media.faults;
	media.faults = fault;
	return NULL;
}

void
sim_media_fault_clear(void)
{
	while (media.faults != NULL)
	{
		Fault *fault = media.faults;

		media.faults = fault->next;
		free(fault);
	}
}

int
sim_media_fault_count(void)
{
	int n = 0;

	for (const Fault *fault = media.faults; fault != NULL; fault = fault->next)
		n += fault->left != 0;
	return n;
}

/* ---- requests ---- */

/* A parameter of the query; false when it is not there. */
static bool
parameter(const char *query, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = query; at != NULL && *at != '\0';)
	{
		const char *end = at + strcspn(at, "&");

		if (strncmp(at, name, len) == 0 && at[len] == '=')
		{
			snprintf(out, size, "%.*s", (int) (end - at - len - 1), at + len + 1);
			return true;
		}
		at = *end == '&' ? end + 1 : NULL;
	}
	return false;
}

static bool
read_text(void *source, uint64_t at, uint8_t *out, size_t len)
{
	memcpy(out, (const char *) source + at, len);
	return true;
}

static void
answer_json(SimHttpAnswer *answer, int status, json_t *object)
{
	answer->status = status;
	answer->type = "application/json";
	answer->source = json_dumps(object, JSON_COMPACT);
	answer->length = strlen(answer->source);
	answer->read = read_text;
	answer->done = free;
	json_decref(object);
}

static void
refuse(SimHttpAnswer *answer, int status, const char *why)
{
	media.refused++;
	answer_json(answer, status, json_pack("{s:i,s:s}", "status", status, "error", why));
}

/* /mms/KIND/TOKEN?auth=...&token=TOKEN */
static void
upload(const SimHttpRequest *request, SimHttpAnswer *answer)
{
	char value[256];
	char token[48];
	char kind[16];
	char url[256];
	uint8_t hash[32];
	const char *name = strrchr(request->path, '/');
	SimBlob *blob;

	if (sscanf(request->path, "/mms/%15[a-z-]/", kind) != 1)
		refuse(answer, 404, "no such place for uploads");
	else if (request->too_large)
		refuse(answer, 413, "the file is too large");
	else if (!parameter(request->query, "auth", value, sizeof(value)) ||
			 strcmp(value, media.auth) != 0)
		refuse(answer, 401, "the auth token is not valid");
	else if (crypto_sha256(request->body, request->body_len, hash) != WA_OK ||
			 (token_of(hash, token), strcmp(name + 1, token)) != 0 ||
			 !parameter(request->query, "token", value, sizeof(value)) || strcmp(value, token) != 0)
		refuse(answer, 400, "the token is not the hash of the file");
	else if ((blob = store(kind, request->body, request->body_len)) == NULL)
		refuse(answer, 507, "cannot store the file");
	else
	{
		media.uploads++;
		sim_media_url(blob, url, sizeof(url));
		answer_json(
			answer, 200,
			json_pack("{s:s,s:s,s:s}", "url", url, "direct_path", blob->path, "handle", token));
	}
}

/* The kind's mms-type, or the kind itself when it is only a name in an upload's path. */
static const char *
mms_type_of(const SimBlob *blob)
{
	for (size_t i = 0; i < N_KINDS; i++)
	{
		if (strcmp(kinds[i].kind, blob->kind) == 0)
			return kinds[i].mms_type;
	}
	return blob->kind;
}

static void
download(const SimHttpRequest *request, SimHttpAnswer *answer)
{
	SimBlob *blob = sim_media_find(request->path);
	const Fault *fault;
	Reading *reading;
	char value[128];
	char token[48];

	if (blob == NULL || blob->gone != 0)
	{
		refuse(answer, blob == NULL ? 404 : blob->gone, "there is no such file");
		return;
	}
	token_of(blob->enc_sha256, token);
	if ((parameter(request->query, "hash", value, sizeof(value)) &&
		 strncmp(value, token, strlen(token)) != 0) ||
		(parameter(request->query, "mms-type", value, sizeof(value)) &&
		 strcmp(value, mms_type_of(blob)) != 0))
	{
		refuse(answer, 403, "hash or mms-type is not the file's");
		return;
	}
	reading = sim_util_alloc(sizeof(*reading));
	reading->blob = blob;
	reading->wrong_at = SIM_HTTP_NEVER;
	answer->source = reading;
	answer->done = free;
	answer->read = read_blob;
	answer->length = blob->enc_size;
	fault = take_fault(blob);
	if (fault != NULL)
		apply_fault(fault, reading, answer);
	if (answer->status == 200)
	{
		media.downloads++;
		blob->downloads++;
	}
	else
		media.refused++;
}

static void
on_request(const SimHttpRequest *request, SimHttpAnswer *answer)
{
	SimBlob *blob;

	if (strcmp(request->method, "POST") == 0)
		upload(request, answer);
	else if (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0)
		download(request, answer);
	else if (strcmp(request->method, "DELETE") == 0)
	{
		blob = sim_media_find(request->path);
		if (blob == NULL || blob->gone != 0)
		{
			refuse(answer, 404, "there is no such file");
			return;
		}
		blob->gone = 404;
		media.deletes++;
	}
	else
		refuse(answer, 405, "GET, HEAD, POST and DELETE only");
}

/* ---- the service ---- */

bool
sim_media_start(const char *address, int port, const char *tls_cert, const char *tls_key,
				const char **why)
{
	int bound;

	sim_util_random_text(media.auth, sizeof(media.auth) - 1);
	media.secure = tls_cert != NULL;
	if (!sim_http_start(address, port, tls_cert, tls_key, SIM_MEDIA_MAX, on_request, &bound, why))
		return false;
	snprintf(media.host, sizeof(media.host), "%s:%d", address, bound);
	return true;
}

bool
sim_media_set_hosts(json_t *hosts)
{
	for (size_t i = 0; i < json_array_size(hosts); i++)
	{
		if (!json_is_string(json_array_get(hosts, i)))
			return false;
	}
	json_decref(media.hosts);
	media.hosts = json_array_size(hosts) > 0 ? json_incref(hosts) : NULL;
	return true;
}

static const char *
host_at(size_t i)
{
	const char *host = json_string_value(json_array_get(media.hosts, i));

	return host == NULL || strcmp(host, "self") == 0 ? media.host : host;
}

void
sim_media_conn(SimConn *conn, const WaNode *iq)
{
	size_t n = media.hosts == NULL ? 1 : json_array_size(media.hosts);
	WaArena arena;
	WaNode *result;
	WaNode *node;

	arena_init(&arena, sim.env, 65536);
	result = sim_iq_result(&arena, iq);
	node = node_add(result, "media_conn");
	node_set(node, "auth", media.auth);
	node_set(node, "ttl", "3600");
	node_set(node, "auth_ttl", "3600");
	node_set(node, "max_buckets", "12");
	for (size_t i = 0; i < n; i++)
	{
		WaNode *host = node_add(node, "host");

		node_set(host, "hostname", host_at(i));
		node_set(host, "type", i == 0 ? "primary" : "fallback");
		node_add(host, "upload");
		node_add(host, "download");
	}
	sim_server_send(conn, result);
	arena_free(&arena);
}

void
sim_media_state(json_t *out)
{
	json_object_set_new(out, "host", json_string(media.host));
	json_object_set_new(out, "https", json_boolean(media.secure));
	json_object_set_new(out, "files", json_integer(media.files));
	json_object_set_new(out, "bytes", json_integer((json_int_t) media.end));
	json_object_set_new(out, "uploads", json_integer(media.uploads));
	json_object_set_new(out, "downloads", json_integer(media.downloads));
	json_object_set_new(out, "refused", json_integer(media.refused));
	json_object_set_new(out, "deletes", json_integer(media.deletes));
}
