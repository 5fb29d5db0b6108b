# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libengine_a_SOURCES = src/engine/effect.h src/engine/engine.h src/engine/run.h src/engine/state.h 
