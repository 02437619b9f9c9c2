/* Which release of PostgreSQL a libpq is of, by its file: nothing of it is run. */
#ifndef PGA_DIAGNOSE_LIBPQ_FILE_H
#define PGA_DIAGNOSE_LIBPQ_FILE_H

/* What PQlibVersion() would return, 150018 for 15.18: that function is the number and a return, and
 * the number is read out of its instructions, on x86 and on 64-bit ARM. 0 where it is no such file,
 * or the function is not as compilers write it. */
int pga_libpq_file_version(const char *path);

#endif
