/* A shared object like any other, but no task module. */
extern const int not_a_module;
__attribute__((visibility("default"))) const int not_a_module = 1;
