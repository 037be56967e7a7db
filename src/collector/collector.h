/*
 * collector.h
 *		What the parts of the collector share: the version, the process entry
 *		points, and who may install what at load time.
 */
#ifndef WA_COLLECTOR_H
#define WA_COLLECTOR_H

#include "postgres.h"

/* The Makefile passes default_version of the control file. */
#ifndef WA_COLLECTOR_VERSION
#error "WA_COLLECTOR_VERSION is not defined; build with the Makefile"
#endif

#define COLLECTOR_EXTENSION "wa_collector"

/* First key of the advisory lock that a worker holds for each bot it runs. */
#define COLLECTOR_LOCK_CLASS 0x5741

/* True when the library came in through shared_preload_libraries. */
extern bool collector_is_preloaded(void);

/* Raises 55000 with a hint unless collector_is_preloaded(). */
extern void collector_require_preload(void);

/* Process entry points: PostgreSQL finds them by name.  (18 lost pg_attribute_noreturn.) */
extern PGDLLEXPORT void wac_launcher_main(Datum arg) __attribute__((noreturn));
extern PGDLLEXPORT void wac_worker_main(Datum arg) __attribute__((noreturn));

/* Registers the launcher; only while shared_preload_libraries load. */
extern void launcher_register(void);

/* Installs the hooks that let DDL on a served database and extension go on. */
extern void ddl_install_hooks(void);

/*
 * Asks for the workers of this database to read wa.bots again when the
 * current transaction commits; an abort forgets it.
 */
extern void functions_wake_at_commit(void);

#endif /* WA_COLLECTOR_H */
