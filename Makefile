# One entry to everything; the work is done by CMake and Ninja. `make help` lists what there is.
BUILD ?= build
PREFIX ?= /usr/local
CMAKE = cmake -S . -G Ninja

.PHONY: all help deps demo check check-slurm check-report check-python docs bench fuzz tsan soak valgrind tidy coverage format lint install dist static deb clean

all: $(BUILD)/build.ninja
	@cmake --build $(BUILD)

$(BUILD)/build.ninja:
	@$(CMAKE) -B $(BUILD) -DCMAKE_C_COMPILER=gcc > $(BUILD).log || { cat $(BUILD).log; echo "make: if a package is missing, \`make deps\` installs it"; exit 1; }
	@mv $(BUILD).log $(BUILD)/configure.log

# make deps           install what the build needs (Debian)
deps:
	@scripts/install-deps

help:
	@sed -n 's/^# \?make /  make /p' Makefile

# make demo           install what is missing, build, run the main job on real text
demo: deps
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@cmake --build $(BUILD) --target autoscale
	@$(BUILD)/autoscale demo --out demo-out

# make check          install what is missing, build, pass every test
check:
	@scripts/check

# make check-slurm    a whole study through a real Slurm on this machine (installs it; root), with kills and restarts
check-slurm: all
	@scripts/check-slurm $(BUILD)/autoscale

# make lint           format, layers and documents alone
lint:
	@scripts/check-format && scripts/check-layers && scripts/rooms --check $(BUILD) && scripts/check-docs $(BUILD)/autoscale

# make docs           the documents as a site, build-docs/site/index.html (installs mkdocs)
docs:
	@scripts/install-deps --docs
	@$(MAKE) --no-print-directory all
	@scripts/docs-site $(BUILD)/autoscale build-docs/site

# make tidy           clang-tidy over all sources (minutes)
tidy:
	@scripts/tidy

# make coverage       lines and branches that the tests reach, by room and by file (build-coverage/coverage.txt)
coverage: deps
	@scripts/coverage

# make format         put the sources into the project's form
format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

# make bench          the speed of this machine on each stage beside its peak
bench: all
	@$(BUILD)/autoscale bench

# make check-report   the report drawn in a browser
check-report: all
	@scripts/check-report $(BUILD)

# make check-python   the Python package's tests, in a virtual environment in the build folder
check-python: all
	@scripts/check-python $(BUILD)

# make tsan           the tests under ThreadSanitizer
tsan: deps
	@$(CMAKE) -B build-tsan -DCMAKE_C_COMPILER=clang -DASC_TSAN=ON -DCMAKE_BUILD_TYPE=Release > /dev/null
	@cmake --build build-tsan && ASC_SMALL=1 ctest --test-dir build-tsan --output-on-failure -E '^cli/test_(demo|bench|trainer)|^study/test_faults'

# make fuzz           fuzz every parser of foreign bytes, FUZZ_SECONDS each
FUZZ_SECONDS ?= 60
fuzz: deps
	@scripts/fuzz $(FUZZ_SECONDS)

# make soak           hours: whole studies killed a thousand times, and with every single call failing once
KILLS ?= 1000
EVERY ?= 1
soak: all
	@scripts/kill-study $(BUILD)/autoscale $(KILLS)
	@scripts/fault-study $(BUILD)/autoscale $(EVERY)

# make valgrind       the test programs under valgrind's memcheck (on small data; minutes)
valgrind: all
	@scripts/check-valgrind $(BUILD)

# make install        install command, library, headers, manual and completion under PREFIX
install: all
	@cmake --install $(BUILD) --prefix $(PREFIX)

# make dist           a source archive of what is committed (build-package/)
# make static         a folder for clusters without root: the command, needing nothing but glibc (build-package/)
# make deb            Debian packages of command, library and headers, looked over by lintian (build-package/)
dist static deb:
	@scripts/package $@

# make clean          remove the build folders
clean:
	rm -rf build build-*
