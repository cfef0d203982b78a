// System calls that Swift cannot see.
#pragma once
