/*
 * qr.c
 *		QR codes through libqrencode and libpng; see qr.h.
 *
 * Contents are secrets: no error message carries them.  libpng jumps to a
 * place of ours on errors and its callbacks never raise.
 */
#include "postgres.h"

#include "qr.h"

#include <errno.h>
#include <png.h>
#include <qrencode.h>

#define QUIET_ZONE 4                     /* modules on each side */
#define MAX_WIDTH (177 + 2 * QUIET_ZONE) /* version 40 */
#define ANSI_BLACK_ON_WHITE "\033[30;107m"
#define ANSI_RESET "\033[0m"

/* The code as bits in palloc'd memory, so that an error cannot leak it. */
typedef struct Modules
{
	int width; /* with the quiet zone */
	bool *dark;
} Modules;

static Modules
make_modules(const char *content)
{
	Modules modules;
	QRcode *code;
	int width;

	if (content[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("cannot make a QR code of an empty text")));

	/* Allocate for the largest version first: nothing may raise later on. */
	modules.dark = palloc0(sizeof(bool) * MAX_WIDTH * MAX_WIDTH);
	code = QRcode_encodeString8bit(content, 0, QR_ECLEVEL_L);
	if (code == NULL)
	{
		int reason = errno;

		ereport(ERROR, (errcode(reason == ERANGE ? ERRCODE_INVALID_PARAMETER_VALUE
												 : ERRCODE_OUT_OF_MEMORY),
						reason == ERANGE ? errmsg("text is too long for a QR code")
										 : errmsg("out of memory")));
	}
	width = code->width;
	modules.width = width + 2 * QUIET_ZONE;
	for (int y = 0; y < width; y++)
		for (int x = 0; x < width; x++)
			modules.dark[(y + QUIET_ZONE) * modules.width + x + QUIET_ZONE] =
				(code->data[y * width + x] & 1) != 0;
	QRcode_free(code);
	return modules;
}

static inline bool
is_dark(const Modules *modules, int x, int y)
{
	return x >= 0 && y >= 0 && x < modules->width && y < modules->width &&
		   modules->dark[y * modules->width + x];
}

void
qr_write_text(const char *content, QrTerminal terminal, StringInfo out)
{
	Modules modules = make_modules(content);
	bool ink = terminal != QR_DARK_BACKGROUND; /* blocks are the dark modules */

	for (int y = 0; y < modules.width; y += 2)
	{
		if (terminal == QR_COLORED)
			appendStringInfoString(out, ANSI_BLACK_ON_WHITE);
		for (int x = 0; x < modules.width; x++)
		{
			bool upper = is_dark(&modules, x, y) == ink;
			bool lower = is_dark(&modules, x, y + 1) == ink;

			/* full, upper and lower half block */
			appendStringInfoString(out, upper && lower ? "\342\226\210"
										: upper        ? "\342\226\200"
										: lower        ? "\342\226\204"
													   : " ");
		}
		appendStringInfoString(out, terminal == QR_COLORED ? ANSI_RESET "\n" : "\n");
	}
	pfree(modules.dark);
}

void
qr_write_svg(const char *content, StringInfo out)
{
	Modules modules = make_modules(content);

	appendStringInfo(out,
					 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
					 "shape-rendering=\"crispEdges\">"
					 "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path fill=\"#000\" d=\"",
					 modules.width, modules.width, modules.width, modules.width);
	for (int y = 0; y < modules.width; y++)
	{
		for (int x = 0; x < modules.width; x++)
		{
			int run = 0;

			while (is_dark(&modules, x + run, y))
				run++;
			if (run > 0)
				appendStringInfo(out, "M%d %dh%dv1h-%dz", x, y, run, run);
			x += run;
		}
	}
	appendStringInfoString(out, "\"/></svg>");
	pfree(modules.dark);
}

/* ---- PNG ---- */

typedef struct PngSink
{
	char *data;
	size_t len;
	size_t capacity;
} PngSink;

static void
sink_write(png_structp png, png_bytep data, png_size_t len)
{
	PngSink *sink = png_get_io_ptr(png);

	if (len > sink->capacity - sink->len)
		png_error(png, "image is larger than expected");
	memcpy(sink->data + sink->len, data, len);
	sink->len += len;
}

static void
sink_flush(png_structp png)
{
	(void) png;
}

static void
on_png_error(png_structp png, png_const_charp message)
{
	(void) message;
	png_longjmp(png, 1);
}

static void
on_png_warning(png_structp png, png_const_charp message)
{
	(void) png;
	(void) message;
}

/* rows: 1 bit a pixel, row_bytes each.  False when libpng gave up. */
static bool
encode_png(PngSink *sink, uint8 *rows, size_t row_bytes, int px)
{
	png_structp png;
	png_infop info;

	png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_png_error, on_png_warning);
	if (png == NULL)
		return false;
	info = png_create_info_struct(png);
	if (info == NULL || setjmp(png_jmpbuf(png)) != 0)
	{
		png_destroy_write_struct(&png, &info);
		return false;
	}
	png_set_write_fn(png, sink, sink_write, sink_flush);
	png_set_IHDR(png, info, (png_uint_32) px, (png_uint_32) px, 1, PNG_COLOR_TYPE_GRAY,
				 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (int y = 0; y < px; y++)
		png_write_row(png, rows + y * row_bytes);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	return true;
}

void
qr_write_png(const char *content, int px, StringInfo out)
{
	Modules modules = make_modules(content);
	size_t row_bytes = (size_t) (px + 7) / 8;
	uint8 *rows;
	PngSink sink;
	int scale;
	int margin;

	if (px < QR_MIN_PX || px > QR_MAX_PX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("image size must be between %d and %d pixels", QR_MIN_PX, QR_MAX_PX)));
	scale = px / modules.width;
	if (scale < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("image of %d pixels is too small for this QR code", px),
						errhint("Ask for at least %d pixels.", modules.width)));
	margin = (px - scale * modules.width) / 2;

	rows = palloc(row_bytes * px);
	memset(rows, 0xff, row_bytes * px); /* white */
	for (int y = 0; y < scale * modules.width; y++)
		for (int x = 0; x < scale * modules.width; x++)
			if (is_dark(&modules, x / scale, y / scale))
			{
				int column = x + margin;

				rows[(y + margin) * row_bytes + column / 8] &= ~(0x80 >> (column % 8));
			}

	/* Worst case: stored, with deflate's and the chunks' overhead. */
	sink.capacity = row_bytes * px + px + row_bytes * px / 100 + 8192;
	sink.data = palloc(sink.capacity);
	sink.len = 0;
	if (!encode_png(&sink, rows, row_bytes, px))
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not encode the PNG image")));
	appendBinaryStringInfo(out, sink.data, (int) sink.len);
	pfree(sink.data);
	pfree(rows);
	pfree(modules.dark);
}
