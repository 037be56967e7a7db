/*
 * signal_record.h
 *		libsignal's serialized records, cut and joined as bytes.
 *
 * A sender key record carries every message key that was skipped, and derives
 * each of them again whenever it is read: with 2000 of them a message costs
 * milliseconds and 78 kB of writing.  So the keys are taken out into a list of
 * their own, and only the one that a late message needs is put back for it.
 * Session records are only kept from growing.
 *
 * Field numbers are those of libsignal-protocol-c's LocalStorageProtocol.
 */
#ifndef WA_SIGNAL_RECORD_H
#define WA_SIGNAL_RECORD_H

#include <signal_protocol.h>

#include "buf.h"

/* Skipped keys kept for one sender key, the oldest are dropped. */
#define SIGNAL_MAX_SKIPPED 1000
/* One of them in the list: key id (4), iteration (4), both big endian, seed. */
#define SIGNAL_SEED_LEN 32
#define SIGNAL_SKIPPED_LEN (8 + SIGNAL_SEED_LEN)

/*
 * Skipped keys kept in one chain of a session, and sessions archived in a
 * record.  A message that none of them can read costs a step of the ratchet in
 * each, and whoever wants may start as many as he likes.
 */
#define SIGNAL_MAX_CHAIN_SKIPPED 256
#define SIGNAL_MAX_ARCHIVED 5

/*
 * Appends the record without its skipped keys to record, and those keys to
 * skipped, oldest first.  WA_ERR_MALFORMED for what is no sender key record.
 */
extern WaStatus signal_record_split(const uint8_t *data, size_t len, WaBuf *record, WaBuf *skipped);
/* Appends the record with one skipped key (SIGNAL_SKIPPED_LEN bytes) put back into its state. */
extern WaStatus signal_record_join(const uint8_t *data, size_t len, const uint8_t *key, WaBuf *out);
/* Has a split record a state of this key id? */
extern bool signal_record_has_key(const uint8_t *data, size_t len, uint32_t key_id);

/* Index of the key in a list of skipped ones, or -1. */
extern long signal_record_find_skipped(const uint8_t *list, size_t len, uint32_t key_id,
									   uint32_t iteration);

/*
 * Can libsignal read every session of a record?  Each by itself: of a record
 * with a bad one among good ones version 2.3.3 never frees the good ones.
 * WA_ERR_MALFORMED: no; WA_ERR_NOMEM.
 */
extern WaStatus signal_record_check(const uint8_t *data, size_t len, signal_context *context);
/* Has a session record more archived sessions than are kept? */
extern bool signal_record_has_old(const uint8_t *data, size_t len);
/* Appends a session record without what is over the limits, the oldest first. */
extern WaStatus signal_record_trim(const uint8_t *data, size_t len, WaBuf *out);
/*
 * Appends one session record of two: the states of winner come first, the
 * current one of loser is archived behind them and can still read.
 */
extern WaStatus signal_record_merge(const uint8_t *winner, size_t winner_len, const uint8_t *loser,
									size_t loser_len, WaBuf *out);

#endif /* WA_SIGNAL_RECORD_H */
