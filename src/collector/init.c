/*
 * init.c
 *		What happens when the library is loaded.  Everything that needs shared
 *		memory or processes is only set up by shared_preload_libraries;
 *		loaded by a backend the library can do nothing but say so.
 */
#include "postgres.h"

#include "collector.h"
#include "compat.h"
#include "settings.h"
#include "shmem.h"

#include "fmgr.h"
#include "miscadmin.h"

COMPAT_MODULE_MAGIC(COLLECTOR_EXTENSION, WA_COLLECTOR_VERSION);

extern PGDLLEXPORT void _PG_init(void);

static bool preloaded = false;

void
_PG_init(void)
{
	/* pg_upgrade restores definitions; nothing may log in meanwhile. */
	if (IsBinaryUpgrade || !process_shared_preload_libraries_in_progress)
		return;

	preloaded = true;
	settings_define();
	shmem_install_hooks();
	ddl_install_hooks();
	launcher_register();
}

bool
collector_is_preloaded(void)
{
	return preloaded;
}

void
collector_require_preload(void)
{
	if (preloaded)
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("wa_collector must be loaded via shared_preload_libraries"),
					errhint("Add wa_collector to shared_preload_libraries in postgresql.conf and "
							"restart the server.")));
}
