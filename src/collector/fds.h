/*
 * fds.h
 *		Descriptors for sockets: how many this process may use without taking
 *		those that PostgreSQL needs for files.
 */
#ifndef WA_FDS_H
#define WA_FDS_H

#include "postgres.h"

/* Raises the soft limit of this process.  Once. */
extern void fds_init(void);
/* One more socket; false: there is no room, nothing was taken. */
extern bool fds_take(void);
extern void fds_give(void);
extern int fds_used(void);
extern int fds_limit(void);

#endif /* WA_FDS_H */
