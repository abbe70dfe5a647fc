/* SPDX-License-Identifier: MIT */
#include "app/app.h"

int main(int argc, char **argv)
{
    return rp_app_main(argc, argv);
}
