/* For debuggers and tracers: a breakpoint, a signal, a line of output. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int cosine_is(double result)
{
	return puts(result == 1 ? "one" : "other") >= 0 ? 3 : 4;
}

int main(void)
{
	double (*cosine)(double) = (double (*)(double))dlsym(dlopen("libm.so.6", RTLD_NOW), "cos");

	(void)kill(getpid(), 0);
	return cosine_is(cosine(0));
}
