/*
 * history_internal.h
 *		What the walk over a history chunk and the reading of its items share.
 *		Nobody else includes this.
 */
#ifndef WA_HISTORY_INTERNAL_H
#define WA_HISTORY_INTERNAL_H

#include "history.h"
#include "wire.h"

/* Bytes that a bytes field is worth being buffered for; 0: it is not read. */
extern size_t history_item_limit(WaHistoryFormat format, uint32_t number);
extern size_t history_conversation_limit(const WaHistory *history, uint32_t number);

/*
 * Reads one field of the chunk, or of the open conversation.  WA_OK: *out is an
 * event in history->arena; WA_NEED_MORE: there is nothing to tell of it.  Other
 * errors leave history as it was.
 */
extern WaStatus history_item(WaHistory *history, const WaWireField *field, WaHistoryEvent *out);
extern WaStatus history_conversation_field(WaHistory *history, const WaWireField *field,
										   WaHistoryEvent *out);

#endif /* WA_HISTORY_INTERNAL_H */
