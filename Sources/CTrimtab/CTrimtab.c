#include "trimtab.h"
