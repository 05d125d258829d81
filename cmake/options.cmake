# SPDX-License-Identifier: GPL-2.0-or-later
#
# Compiler options, as one interface target that our own targets link privately: a Unicorn that is
# built as part of this tree keeps its own options.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")

add_library(pagewalk_options INTERFACE)
target_compile_features(pagewalk_options INTERFACE c_std_11)
target_include_directories(pagewalk_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(pagewalk_options INTERFACE
	_GNU_SOURCE _FILE_OFFSET_BITS=64
	PAGEWALK_VERSION="${PROJECT_VERSION}"
	$<$<BOOL:${PAGEWALK_CHECKED}>:PAGEWALK_CHECKED=1>)
target_compile_options(pagewalk_options INTERFACE
	-std=gnu11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
	-Wmissing-prototypes -Wvla
	$<$<BOOL:${PAGEWALK_WERROR}>:-Werror>
	# One tree, one name for it: messages, assertions and debug information do not depend on
	# where the checkout is.
	-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

if(PAGEWALK_SANITIZE)
	set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
	set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
	target_compile_options(pagewalk_options INTERFACE ${sanitize} -fno-omit-frame-pointer)
	target_link_options(pagewalk_options INTERFACE ${sanitize})
endif()
if(PAGEWALK_COVERAGE)
	target_compile_options(pagewalk_options INTERFACE --coverage)
	target_link_options(pagewalk_options INTERFACE --coverage)
endif()

if(PAGEWALK_LTO)
	include(CheckIPOSupported)
	check_ipo_supported(RESULT lto_works LANGUAGES C)
	if(lto_works)
		set(CMAKE_INTERPROCEDURAL_OPTIMIZATION_RELEASE ON)
	endif()
endif()
