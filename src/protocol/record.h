/*
 * record.h
 *		What a bot keeps in its host's tables beside its device: opaque values
 *		under a key, brought before they are needed and taken when they changed.
 *
 * A need names records, a record is one of them.  Numbers of kinds are stored:
 * they never change their meaning.
 */
#ifndef WA_RECORD_H
#define WA_RECORD_H

#include "buf.h"

typedef enum WaRecordKind
{
	RECORD_SESSION = 1,        /* Signal session with (name, number = device) */
	RECORD_IDENTITY = 2,       /* identity key of (name, number = device) */
	RECORD_SENDER_KEY = 3,     /* sender key of (chat, name, number = device) */
	RECORD_SKIPPED_KEYS = 4,   /* its skipped message keys, up to 40 kB */
	RECORD_SIGNED_PREKEY = 5,  /* an earlier signed prekey, number = its id */
	RECORD_PREKEY = 6,         /* one-time prekey, number = its id; lives with the uploaded ones */
	RECORD_RETRY = 7,          /* attempts to get a message that could not be read */
	RECORD_APP_KEY = 8,        /* app state key, name = its id in hex */
	RECORD_APP_COLLECTION = 9, /* version and hash of a collection, name = the collection */
	RECORD_APP_VALUE = 10,     /* value MAC, chat = the collection, name = index MAC in hex */
} WaRecordKind;

/* Strings and data are borrowed; an absent chat or name counts as "". */
typedef struct WaRecord
{
	WaRecordKind kind;
	WaStr chat;
	WaStr name;
	uint32_t number;
	const uint8_t *data; /* NULL: delete it */
	size_t len;
} WaRecord;

#define RECORD_BIT(kind) (1u << (kind))

/* Every record of these kinds with this name, and this chat and number unless they are any. */
typedef struct WaNeed
{
	uint32_t kinds; /* RECORD_BIT(...) | ... */
	WaStr chat;
	bool any_chat;
	WaStr name;
	bool any_name;
	uint32_t number;
	bool any_number;
} WaNeed;

#endif /* WA_RECORD_H */
