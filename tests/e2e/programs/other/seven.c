/* Says so and ends with 7: with any libc, and without what a glibc of today needs to start main().
 */
#include <unistd.h>

static const char words[] = "started\n";

#ifdef WITHOUT_START
void _start(void);

__attribute__((force_align_arg_pointer)) void _start(void)
#else
int main(void)
#endif
{
	if (write(1, words, sizeof words - 1) < 0)
		_exit(1);
	_exit(7);
}
