#include "sallyport.h"
int probe_main(int argc, char **argv) { (void)argc; (void)argv; return 0; }
