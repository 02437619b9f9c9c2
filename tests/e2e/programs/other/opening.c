/* Uses all of the dynamic linker's functions, on a library that has nothing to do with PostgreSQL.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

#define TELL(what) printf("%s: %s\n", #what, (what) ? "yes" : dlerror())

int main(void)
{
	void *libm = dlopen("libm.so.6", RTLD_LAZY | RTLD_LOCAL);
	void *space = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);
	double (*cosine)(double) = (double (*)(double))dlsym(libm, "cos");
	double (*there)(double) = (double (*)(double))dlvsym(space, "cos", "GLIBC_2.2.5");
	Dl_info info;

	printf("%g %g\n", cosine(0), there(0));
	TELL(dlsym(RTLD_DEFAULT, "puts"));
	TELL(dlsym(RTLD_NEXT, "puts"));
	TELL(dlsym(RTLD_DEFAULT, "nobody_has_this"));
	TELL(dlsym(libm, "PQconnectdb"));
	TELL(dlvsym(libm, "cos", "GLIBC_9.9"));
	TELL(dlopen("nobody-has-this.so", RTLD_NOW));
	TELL(dlopen("./nobody-has-this.so", RTLD_NOW));
	TELL(dlopen(NULL, RTLD_NOW));
	TELL(dladdr((void *)cosine, &info));
	TELL(dlclose(libm) == 0);
	TELL(dlopen("libm.so.6", RTLD_NOW | RTLD_NOLOAD));
	return 0;
}
