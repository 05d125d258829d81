# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the folders above mmu/ stand on. Unicorn is looked for in this order: a source tree or a
# download that the user named, then pkg-config; it needs the virtual TLB (UC_TLB_VIRTUAL) with the
# fixes of 2.1.1.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

pkg_check_modules(CAPSTONE REQUIRED IMPORTED_TARGET capstone>=4)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.37)	# STRICT tables
pkg_check_modules(DW REQUIRED IMPORTED_TARGET libdw)
pkg_check_modules(CYAML REQUIRED IMPORTED_TARGET libcyaml>=1.1)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd>=1.4)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib>=1.2)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma>=5.2)
if(PAGEWALK_TESTS)
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

set(PAGEWALK_UNICORN_MIN 2.1.1)
set(PAGEWALK_UNICORN_SOURCE "" CACHE PATH "Unpacked Unicorn source tree to build in")
option(PAGEWALK_UNICORN_FETCH "Download Unicorn's source from PAGEWALK_UNICORN_URL" OFF)
set(PAGEWALK_UNICORN_URL "" CACHE STRING "Archive of Unicorn's source")
set(PAGEWALK_UNICORN_SHA256 "" CACHE STRING "SHA-256 of that archive")

# Only what pagewalk uses of it: the x86 guest, static, nothing installed.
macro(pagewalk_unicorn_settings)
	set(UNICORN_ARCH x86 CACHE STRING "" FORCE)
	set(UNICORN_BUILD_TESTS OFF CACHE BOOL "" FORCE)
	set(UNICORN_INSTALL OFF CACHE BOOL "" FORCE)
	set(BUILD_SHARED_LIBS OFF)
endmacro()

function(pagewalk_unicorn_from_tree directory)
	pagewalk_unicorn_settings()
	file(READ ${directory}/include/unicorn/unicorn.h header)
	string(REGEX MATCH "define UC_API_MAJOR ([0-9]+)" ignored "${header}")
	set(version ${CMAKE_MATCH_1})
	string(REGEX MATCH "define UC_API_MINOR ([0-9]+)" ignored "${header}")
	string(APPEND version .${CMAKE_MATCH_1})
	string(REGEX MATCH "define UC_API_PATCH ([0-9]+)" ignored "${header}")
	string(APPEND version .${CMAKE_MATCH_1})
	if(version VERSION_LESS PAGEWALK_UNICORN_MIN)
		message(FATAL_ERROR "${directory} holds Unicorn ${version}; pagewalk needs "
			"${PAGEWALK_UNICORN_MIN} or newer.")
	endif()
	message(STATUS "Building Unicorn ${version} from ${directory}")
	# Not our code: neither our warnings nor our link-time optimisation (it breaks QEMU's tricks).
	set(CMAKE_INTERPROCEDURAL_OPTIMIZATION_RELEASE OFF)
	add_subdirectory(${directory} ${PROJECT_BINARY_DIR}/unicorn EXCLUDE_FROM_ALL SYSTEM)
	add_library(pagewalk::unicorn ALIAS unicorn)
endfunction()

if(PAGEWALK_UNICORN_SOURCE)
	if(NOT EXISTS ${PAGEWALK_UNICORN_SOURCE}/include/unicorn/unicorn.h)
		message(FATAL_ERROR "PAGEWALK_UNICORN_SOURCE=${PAGEWALK_UNICORN_SOURCE} is not an "
			"unpacked Unicorn source tree (no include/unicorn/unicorn.h).")
	endif()
	pagewalk_unicorn_from_tree(${PAGEWALK_UNICORN_SOURCE})
elseif(PAGEWALK_UNICORN_FETCH)
	if(NOT PAGEWALK_UNICORN_URL OR NOT PAGEWALK_UNICORN_SHA256 MATCHES "^[0-9a-fA-F]+$")
		message(FATAL_ERROR "PAGEWALK_UNICORN_FETCH needs PAGEWALK_UNICORN_URL (an archive of "
			"Unicorn ${PAGEWALK_UNICORN_MIN} or newer) and PAGEWALK_UNICORN_SHA256 "
			"(its checksum).")
	endif()
	include(FetchContent)
	FetchContent_Declare(unicorn_source URL ${PAGEWALK_UNICORN_URL}
		URL_HASH SHA256=${PAGEWALK_UNICORN_SHA256} DOWNLOAD_EXTRACT_TIMESTAMP ON
		SOURCE_SUBDIR not-a-directory)	# only unpack: it is added below, with its settings
	FetchContent_MakeAvailable(unicorn_source)
	pagewalk_unicorn_from_tree(${unicorn_source_SOURCE_DIR})
else()
	pkg_check_modules(UNICORN IMPORTED_TARGET unicorn)
	if(NOT UNICORN_FOUND)
		set(unicorn_found "pkg-config finds none")
	elseif(UNICORN_VERSION VERSION_LESS PAGEWALK_UNICORN_MIN)
		set(unicorn_found "pkg-config finds ${UNICORN_VERSION}")
	endif()
	if(unicorn_found)
		message(FATAL_ERROR "pagewalk needs Unicorn ${PAGEWALK_UNICORN_MIN} or newer "
			"(for its virtual TLB); ${unicorn_found}.\n"
			"On Debian 12 and 13, run script/bootstrap. Elsewhere install a newer Unicorn, "
			"or configure with -DPAGEWALK_UNICORN_SOURCE=DIR (an unpacked source tree), or "
			"with -DPAGEWALK_UNICORN_FETCH=ON -DPAGEWALK_UNICORN_URL=URL "
			"-DPAGEWALK_UNICORN_SHA256=HASH.")
	endif()
	add_library(pagewalk::unicorn ALIAS PkgConfig::UNICORN)
endif()
