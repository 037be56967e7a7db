/*
 * qr.h
 *		QR codes for people: black on white with the quiet zone of four modules
 *		that the standard asks for, as terminal text, SVG and PNG.
 */
#ifndef WA_QR_H
#define WA_QR_H

#include "postgres.h"

#include "lib/stringinfo.h"

#define QR_MIN_PX 64
#define QR_MAX_PX 4096

/*
 * Two rows of modules a line.  psql's tables show escape sequences as text and
 * a character takes the terminal's own colours, so that black on white needs to
 * know the terminal's background; only QR_COLORED sets the colours itself.
 */
typedef enum QrTerminal
{
	QR_DARK_BACKGROUND,
	QR_LIGHT_BACKGROUND,
	QR_COLORED
} QrTerminal;

extern void qr_write_text(const char *content, QrTerminal terminal, StringInfo out);
extern void qr_write_svg(const char *content, StringInfo out);
/* px wide and high, QR_MIN_PX to QR_MAX_PX; raises 22023 when the code does not fit. */
extern void qr_write_png(const char *content, int px, StringInfo out);

#endif /* WA_QR_H */
