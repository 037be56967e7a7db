/*
 * fuzz_signal.c
 *		The Signal layer: records as hostile tables might hold them, and one
 *		message.  A message that is not read must change nothing.
 *
 * Input: which allocation fails (0 none); flags; up to three records (kind,
 * length of two bytes, contents; a kind of 255 ends them); the ciphertext.
 */
#include "target.h"
#include "prekey.h"
#include "signal.h"

#define NUMBER "4917770001@s.whatsapp.net"
#define LID "70001@lid"
#define GROUP "120363000000000001@g.us"

#define FLAG_TYPE 0x03 /* SignalType */
#define FLAG_UNPADDED 0x04
#define FLAG_ALTERNATE 0x08 /* the sender has two names */
#define FLAG_LEARN 0x10     /* the ciphertext is a sender key to learn */
#define FLAG_MOVE 0x20      /* everything moves to the LID first */
#define FLAG_WRITE 0x40     /* we answer */

#define MAX_RECORDS 3

typedef struct Input
{
	const uint8_t *at;
	size_t left;
} Input;

/* The same keys in every execution and for whoever makes the corpus. */
static void
make_keys(WaDevice *device, WaPrekey *prekey)
{
	const WaEnv *env = target_env(0);

	TARGET_CHECK(device_create(env, device) == WA_OK);
	TARGET_CHECK(prekey_generate(env, device, prekey, 1) == WA_OK);
}

static bool
next_record(Input *input, SignalRecord *out)
{
	size_t len;

	if (input->left < 3 || input->at[0] == 255)
	{
		input->at += input->left > 0;
		input->left -= input->left > 0;
		return false;
	}
	len = (size_t) input->at[1] << 8 | input->at[2];
	if (len > input->left - 3)
		len = input->left - 3;
	*out = (SignalRecord){(SignalKind) (input->at[0] % SIGNAL_PREKEY),
						  str_from(GROUP),
						  str_from(input->at[0] & 0x40 ? NUMBER : LID),
						  0,
						  input->at + 3,
						  len};
	input->at += 3 + len;
	input->left -= 3 + len;
	return true;
}

static void
supply(WaSignal *signal, const WaPrekey *prekey, const SignalRecord *records, int count)
{
	SignalNeed need;

	while (signal_next_need(signal, &need))
	{
		SignalRecord key = {
			SIGNAL_PREKEY, WA_STR_NONE, WA_STR_NONE, prekey->id, prekey->pair.private_key,
			CRYPTO_KEY_LEN};

		if (need.kind == SIGNAL_NEED_PREKEY && need.id == prekey->id)
			(void) signal_supply(signal, &key);
	}
	for (int i = 0; i < count; i++)
		(void) signal_supply(signal, &records[i]);
	signal_supplied(signal);
}

static void
read_message(WaSignal *signal, const SignalMessage *message, const WaEnv *env)
{
	SignalVerdict verdict;
	SignalRecord record;
	WaBuf plain;
	WaStatus status;

	buf_init(&plain, env, 1 << 20);
	status = signal_read(signal, message, &plain, &verdict);
	TARGET_CHECK(status != WA_ERR_STATE && status != WA_ERR_ARGUMENT);
	if (status != WA_OK || verdict.outcome != SIGNAL_READ)
	{
		TARGET_CHECK(buf_len(&plain) == 0);
		TARGET_CHECK(!signal_next_dirty(signal, &record));
	}
	else
		TARGET_CHECK(buf_len(&plain) > 0 && signal_next_dirty(signal, &record));
	buf_free(&plain);
}

static void
run(WaSignal *signal, const WaEnv *env, const WaPrekey *prekey, Input input, uint8_t flags)
{
	SignalRecord records[MAX_RECORDS];
	SignalRecord dirty;
	SignalMessage message = {
		.type = (flags & FLAG_TYPE) > SIGNAL_SKMSG ? SIGNAL_MSG : (SignalType) (flags & FLAG_TYPE),
		.version = flags & FLAG_UNPADDED ? 3 : 2,
		.chat = str_from(GROUP),
		.sender = str_from(LID),
		.alternate = flags & FLAG_ALTERNATE ? str_from(NUMBER) : WA_STR_NONE,
	};
	SignalType type;
	WaBuf cipher;
	int count = 0;

	while (count < MAX_RECORDS && next_record(&input, &records[count]))
		count++;
	message.data = input.at;
	message.len = input.left;
	if (signal_needs(signal, &message) != WA_OK ||
		((flags & FLAG_MOVE) &&
		 signal_needs_move(signal, str_from(NUMBER), str_from(LID)) != WA_OK))
		return;
	supply(signal, prekey, records, count);
	if (flags & FLAG_MOVE)
	{
		(void) signal_move(signal, str_from(NUMBER), str_from(LID));
		while (signal_next_dirty(signal, &dirty))
			TARGET_CHECK(dirty.kind < SIGNAL_PREKEY);
		signal_committed(signal);
	}
	if (flags & FLAG_LEARN)
	{
		(void) signal_learn_key(signal, &message, message.data, message.len);
		while (signal_next_dirty(signal, &dirty))
			TARGET_CHECK(dirty.kind == SIGNAL_SENDER_KEY || dirty.kind == SIGNAL_SKIPPED_KEYS);
	}
	read_message(signal, &message, env);
	if (flags & FLAG_WRITE)
	{
		buf_init(&cipher, env, 1 << 20);
		if (message.type != SIGNAL_SKMSG)
			(void) signal_write(signal, message.sender, message.alternate, (const uint8_t *) "x", 1,
								&cipher, &type);
		buf_free(&cipher);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static WaDevice device;
	static WaPrekey prekey;
	const WaEnv *env;
	WaSignal *signal = NULL;

	if (size < 2)
		return 0;
	if (device.registration_id == 0)
		make_keys(&device, &prekey);
	env = target_env(data[0]);
	if (signal_create(env, &device, &signal) == WA_OK)
		run(signal, env, &prekey, (Input){data + 2, size - 2}, data[1]);
	signal_free(signal);
	target_end();
	return 0;
}
