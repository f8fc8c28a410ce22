// OpenBLAS as ChatSpot uses it: single-precision products and control of its threads.
#include <cblas.h>
