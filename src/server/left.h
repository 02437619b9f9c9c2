/* What stays of a change that had to be put back: said where there is no memory for it, too. */
#ifndef PGA_SERVER_LEFT_H
#define PGA_SERVER_LEFT_H

/* Longer than a hint, which pga_fail() cuts. Begins zeroed. */
struct pga_left {
	char text[2048];
};

/* Adds the formatted text; what is too long is cut. */
void pga_left_add(struct pga_left *left, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
