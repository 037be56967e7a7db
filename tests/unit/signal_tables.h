/*
 * signal_tables.h
 *		The host's tables for tests of the Signal layer: answers what it needs,
 *		commits what changed, and compares.
 */
#ifndef WA_SIGNAL_TABLES_H
#define WA_SIGNAL_TABLES_H

#include "../../src/protocol/signal.h"

typedef struct TableRow
{
	struct TableRow *next;
	SignalRecord record; /* its memory is the row's */
} TableRow;

typedef struct SignalTables
{
	TableRow *rows;
	int asked;   /* needs answered */
	int written; /* records committed */
} SignalTables;

extern void tables_free(SignalTables *tables);
extern void tables_put(SignalTables *tables, const SignalRecord *record); /* data NULL deletes */
/* Answers every need; stops and returns the error of signal_supply. */
extern WaStatus tables_answer(SignalTables *tables, WaSignal *signal);
/* Writes what is dirty, and commits. */
extern void tables_commit(SignalTables *tables, WaSignal *signal);
/* The row, or NULL; chat and name may be NULL. */
extern const SignalRecord *tables_find(const SignalTables *tables, SignalKind kind,
									   const char *chat, const char *name, uint32_t number);
extern int tables_count(const SignalTables *tables);
/* A digest of all rows, whatever their order. */
extern uint64_t tables_digest(const SignalTables *tables);

#endif /* WA_SIGNAL_TABLES_H */
