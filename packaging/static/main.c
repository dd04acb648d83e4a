/* The program: an interpreter that knows only the modules linked into it.

   Nothing of the host is asked: no environment variables, no folders, no site. The bytecode is in
   frozen_table.c, which freeze.py writes; its __main__ imports and runs the program. */
#include <Python.h>
#include <marshal.h>
#include <sys/mman.h>
#include <unistd.h>

extern const struct _frozen guardpost_frozen[];

/* freeze.py has the same names. */
PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__framing(void);
PyMODINIT_FUNC PyInit__psutil_linux(void);
PyMODINIT_FUNC PyInit__sodium(void);
#ifdef GUARDPOST_FULL
PyMODINIT_FUNC PyInit__hashlib(void);
PyMODINIT_FUNC PyInit__ssl(void);
PyMODINIT_FUNC PyInit_unicodedata(void);
#endif

static const struct {
    const char *name;
    PyObject *(*init)(void);
} linked[] = {
    {"guardpost._framing", PyInit__framing},
    {"msgspec._core", PyInit__core},
    {"nacl._sodium", PyInit__sodium},
    {"psutil._psutil_linux", PyInit__psutil_linux},
#ifdef GUARDPOST_FULL
    {"_hashlib", PyInit__hashlib},
    {"_ssl", PyInit__ssl},
    {"unicodedata", PyInit_unicodedata},
#endif
};

/* Bytecode is read once, into objects. The pages that it was read from are of no use then, and the
   kernel may have them back: a third of what the agent would hold. It maps as much around them. */
enum { PAGE = 4096, MAPPED_AROUND = 64 * 1024 };

PyObject *guardpost_code(const unsigned char *bytes, int size) {
    PyObject *code = PyMarshal_ReadObjectFromString((const char *)bytes, size);
    uintptr_t begin = ((uintptr_t)bytes - MAPPED_AROUND) & ~(uintptr_t)(PAGE - 1);
    uintptr_t end = (uintptr_t)bytes + (uintptr_t)size + MAPPED_AROUND;
    madvise((void *)begin, end - begin, MADV_DONTNEED);
    return code;
}

static void must(PyStatus status) {
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
}

/* Where this program lies, for those who start it again; its own name where there is no /proc. */
static void own_path(PyConfig *config, const char *name) {
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        name = path;
    }
    must(PyConfig_SetBytesString(config, &config->executable, name));
}

static void configure(PyConfig *config, int argc, char **argv) {
    PyConfig_InitIsolatedConfig(config);
    config->site_import = 0;
    config->write_bytecode = 0;
    config->pathconfig_warnings = 0;
    config->use_frozen_modules = 1;
    config->optimization_level = 2;
    config->install_signal_handlers = 1;
    config->parse_argv = 0;
    config->module_search_paths_set = 1; /* to nothing: no folder is looked into */
    own_path(config, argc > 0 ? argv[0] : "");
    wchar_t **empty[] = {&config->base_executable, &config->prefix,      &config->base_prefix,
                         &config->exec_prefix,     &config->base_exec_prefix, &config->stdlib_dir};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        must(PyConfig_SetString(config, empty[i], L""));
    must(PyConfig_SetBytesArgv(config, argc, argv));
}

int main(int argc, char **argv) {
    PyPreConfig before;
    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1;
    must(Py_PreInitialize(&before));

    PyImport_FrozenModules = guardpost_frozen;
    for (size_t i = 0; i < sizeof linked / sizeof *linked; i++)
        if (PyImport_AppendInittab(linked[i].name, linked[i].init) < 0) return 1;

    PyConfig config;
    configure(&config, argc, argv);
    must(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);

    /* SystemExit ends the process within PyErr_Print(). */
    int found = PyImport_ImportFrozenModule("__main__");
    if (found < 0) PyErr_Print();
    return Py_FinalizeEx() < 0 || found <= 0;
}
