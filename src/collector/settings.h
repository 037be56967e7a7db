/*
 * settings.h
 *		The wa_collector.* settings as C variables.  Read them where they are
 *		used: a reload changes them.
 */
#ifndef WA_SETTINGS_H
#define WA_SETTINGS_H

#include "postgres.h"

#include "nodes/pg_list.h"

extern char *settings_databases;
extern int settings_workers;
extern char *settings_endpoint;
extern char *settings_noise_root_key;
extern char *settings_tls_ca_file;
extern char *settings_web_version;
extern char *settings_node_id;
extern int settings_watch_default; /* SQL reads it with current_setting() */
extern char *settings_device_name;
extern int settings_prekey_batch;
extern int settings_group_queries_per_minute;
extern int settings_connects_per_second;
extern int settings_link_timeout_ms;
extern int settings_keepalive_interval_ms;
extern int settings_iq_timeout_ms;
extern int settings_deaf_after_ms;
extern bool settings_edge_routing;
extern bool settings_keep_raw;
extern bool settings_keep_revoked;
extern bool settings_delete_expired;
extern bool settings_sync_history;
extern int settings_feed_retention_s;
extern int settings_media_max_size_kb;
extern char *settings_report_timezone; /* SQL reads it with current_setting() */

/* Defines them all and reserves the prefix. */
extern void settings_define(void);

/* wa_collector.databases as a list of palloc'd names, each of them once. */
extern List *settings_database_list(void);

/* wa_collector.noise_root_key as bytes. */
extern void settings_root_key(uint8 out[32]);

/* wa_collector.web_version, or the compiled one when it is empty. */
extern void settings_version(uint32 out[3]);

#endif /* WA_SETTINGS_H */
