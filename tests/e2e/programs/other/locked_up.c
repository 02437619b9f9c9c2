/* Once in seccomp's strict mode, any call of the kernel but read, write and exit is the end. */
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	void *libm = dlopen("libm.so.6", RTLD_NOW);
	double (*cosine)(double);

	if (libm == NULL || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
		return 1;
	cosine = (double (*)(double))dlsym(libm, "cos");
	if (write(1, cosine(0) == 1 ? "one\n" : "other\n", 4) != 4)
		return 1;
	syscall(SYS_exit, dlsym(RTLD_DEFAULT, "nobody_has_this") == NULL ? 0 : 1);
}
