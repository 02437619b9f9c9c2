/* A library with symbols that are not simply found: two versions of one name, one that is hidden
 * alone, a function that another one chooses, and some that nothing is odd about. */
int current(void);
int earlier(void);
int retired(void);
int plain(void);
int chosen(void);

int current(void)
{
	return 2;
}

int earlier(void)
{
	return 1;
}

int retired(void)
{
	return 3;
}

int plain(void)
{
	return 4;
}

__asm__(".symver earlier, renewed@FIRST");
__asm__(".symver current, renewed@@SECOND");
__asm__(".symver retired, gone@FIRST");

static int (*choose(void))(void)
{
	return plain;
}

int chosen(void) __attribute__((ifunc("choose")));
