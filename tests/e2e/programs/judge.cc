// pganchor.h in C++: judges one conninfo.
#include <cstdio>
#include <pganchor.h>

int main(int, char **argv)
{
	char *reasons = nullptr;
	const pganchor_verdict verdict = pganchor_judge(argv[1], &reasons);

	std::printf("%d %s\n", static_cast<int>(verdict), reasons != nullptr ? reasons : "");
	pganchor_free(reasons);
	return 0;
}
