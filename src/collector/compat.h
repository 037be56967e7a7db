/*
 * compat.h
 *		Differences between PostgreSQL 15 and 18.  The only file that looks at
 *		PG_VERSION_NUM; wrappers take the newest signature and adapt downward.
 */
#ifndef WA_COMPAT_H
#define WA_COMPAT_H

#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "wa_collector needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

#if PG_VERSION_NUM >= 160000
#include "catalog/pg_database.h"
#include "varatt.h"
#endif

/* The module's identity shows in pg_get_loaded_modules() from 18 on. */
#if PG_VERSION_NUM >= 180000
#define COMPAT_MODULE_MAGIC(module, text) PG_MODULE_MAGIC_EXT(.name = module, .version = text)
#else
#define COMPAT_MODULE_MAGIC(module, text) PG_MODULE_MAGIC
#endif

/* 19 terminates such workers by itself for commands that need the database. */
#if PG_VERSION_NUM >= 190000
#define COMPAT_BGWORKER_FLAGS BGWORKER_INTERRUPTIBLE
#define COMPAT_NEEDS_DDL_HOOK 0
#else
#define COMPAT_BGWORKER_FLAGS 0
#define COMPAT_NEEDS_DDL_HOOK 1
#endif

/* A set that lives as long as the process. */
static inline WaitEventSet *
compat_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/* Named wait events exist from 17 on. */
static inline uint32
compat_wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	(void) name;
	return PG_WAIT_EXTENSION;
#endif
}

static inline bool
compat_owns_database(Oid database, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, role);
#else
	return pg_database_ownercheck(database, role);
#endif
}

#endif /* WA_COMPAT_H */
