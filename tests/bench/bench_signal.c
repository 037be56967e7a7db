/*
 * bench_signal.c
 *		What reading a group message costs at least: libsignal's decryption with
 *		the check of the signature, and opening the frame that brings it.
 *		Processor time of this thread; nothing is stored but in memory.
 *
 * Usage: bench_signal [messages [bytes of text [bytes of the frame]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <group_cipher.h>
#include <group_session_builder.h>
#include <protocol.h>

#include "../../src/protocol/crypto.h"
#include "../../src/protocol/crypto_provider.h"

#define GROUP "120363000000000001@g.us"
#define SENDER "14917000000001@lid"
#define MAX_PADDING 16

static double
cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static void
must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_signal: failed with %d\n", rc);
	exit(1);
}

/* ---- a store of one sender key ---- */

static int
store_key(const signal_protocol_sender_key_name *name, uint8_t *record, size_t len, uint8_t *user,
		  size_t user_len, void *data)
{
	signal_buffer **kept = data;

	(void) name;
	(void) user;
	(void) user_len;
	signal_buffer_free(*kept);
	*kept = signal_buffer_create(record, len);
	return 0;
}

static int
load_key(signal_buffer **record, signal_buffer **user, const signal_protocol_sender_key_name *name,
		 void *data)
{
	signal_buffer **kept = data;

	(void) user;
	(void) name;
	if (*kept == NULL)
		return 0;
	*record = signal_buffer_copy(*kept);
	return 1;
}

static signal_protocol_store_context *
make_store(signal_context *context, signal_buffer **kept)
{
	signal_protocol_sender_key_store keys = {
		.store_sender_key = store_key, .load_sender_key = load_key, .user_data = kept};
	signal_protocol_store_context *store = NULL;

	must(signal_protocol_store_context_create(&store, context));
	must(signal_protocol_store_context_set_sender_key_store(store, &keys));
	return store;
}

/* ---- the two costs ---- */

static double
group_decrypt(signal_context *context, int count, size_t text_len)
{
	signal_protocol_sender_key_name name = {GROUP, strlen(GROUP), {SENDER, strlen(SENDER), 0}};
	signal_buffer *kept[2] = {NULL, NULL};
	signal_protocol_store_context *from = make_store(context, &kept[0]);
	signal_protocol_store_context *to = make_store(context, &kept[1]);
	sender_key_distribution_message *key = NULL;
	group_session_builder *builder = NULL;
	group_cipher *cipher = NULL;
	ciphertext_message **messages = calloc((size_t) count, sizeof(*messages));
	size_t plain_len = text_len + 2 + MAX_PADDING / 2;
	uint8_t *plain = calloc(1, plain_len);
	double cpu;

	must(group_session_builder_create(&builder, from, context));
	must(group_session_builder_create_session(builder, &key, &name));
	group_session_builder_free(builder);
	must(group_session_builder_create(&builder, to, context));
	must(group_session_builder_process_session(builder, &name, key));
	group_session_builder_free(builder);
	must(group_cipher_create(&cipher, from, &name, context));
	for (int i = 0; i < count; i++)
		must(group_cipher_encrypt(cipher, plain, plain_len, &messages[i]));
	group_cipher_free(cipher);

	cpu = cpu_us();
	for (int i = 0; i < count; i++)
	{
		signal_buffer *bytes = ciphertext_message_get_serialized(messages[i]);
		sender_key_message *parsed = NULL;
		signal_buffer *out = NULL;

		must(sender_key_message_deserialize(&parsed, signal_buffer_data(bytes),
											signal_buffer_len(bytes), context));
		must(group_cipher_create(&cipher, to, &name, context));
		must(group_cipher_decrypt(cipher, parsed, NULL, &out));
		group_cipher_free(cipher);
		SIGNAL_UNREF(parsed);
		signal_buffer_free(out);
	}
	cpu = (cpu_us() - cpu) / count;

	for (int i = 0; i < count; i++)
		SIGNAL_UNREF(messages[i]);
	free(messages);
	free(plain);
	SIGNAL_UNREF(key);
	signal_protocol_store_context_destroy(from);
	signal_protocol_store_context_destroy(to);
	signal_buffer_free(kept[0]);
	signal_buffer_free(kept[1]);
	return cpu;
}

static double
open_frame(int count, size_t len)
{
	uint8_t key[32] = {1};
	uint8_t iv[12] = {0};
	uint8_t *plain = calloc(1, len);
	uint8_t *cipher = calloc(1, len + CRYPTO_TAG_LEN);
	double cpu;

	must(crypto_aes256_gcm_encrypt(key, iv, NULL, 0, plain, len, cipher));
	cpu = cpu_us();
	for (int i = 0; i < count; i++)
		must(crypto_aes256_gcm_decrypt(key, iv, NULL, 0, cipher, len + CRYPTO_TAG_LEN, plain));
	cpu = (cpu_us() - cpu) / count;
	free(plain);
	free(cipher);
	return cpu;
}

int
main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 10000;
	size_t text_len = argc > 2 ? (size_t) atoi(argv[2]) : 100;
	size_t frame_len = argc > 3 ? (size_t) atoi(argv[3]) : 400;
	signal_context *context;

	if (count < 1 || crypto_provider_context(env_default(), &context) != WA_OK)
		return 1;
	printf("signal_group_decrypt\t%.2f\tus\t\n", group_decrypt(context, count, text_len));
	printf("signal_frame_open\t%.2f\tus\t\n", open_frame(count, frame_len));
	signal_context_destroy(context);
	return 0;
}
