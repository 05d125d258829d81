# SPDX-License-Identifier: GPL-2.0-or-later
#
# pagewalk_library(NAME FOLDER [DEPENDENCY...]): the static library pagewalk_NAME of all C files
# under FOLDER. A folder without C files is an interface library, so that everything above it can
# be written down before it exists.
function(pagewalk_library name folder)
	set(target pagewalk_${name})
	file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.c)
	if(NOT sources)
		add_library(${target} INTERFACE)
		target_link_libraries(${target} INTERFACE ${ARGN})
		return()
	endif()
	add_library(${target} STATIC ${sources})
	set_target_properties(${target} PROPERTIES OUTPUT_NAME pagewalk-${name})
	target_link_libraries(${target} PUBLIC ${ARGN} PRIVATE $<BUILD_INTERFACE:pagewalk_options>)
endfunction()

# pagewalk_define(NAME DEFINITION...): definitions for the sources of pagewalk_NAME.
function(pagewalk_define name)
	get_target_property(type pagewalk_${name} TYPE)
	if(NOT type STREQUAL INTERFACE_LIBRARY)
		target_compile_definitions(pagewalk_${name} PRIVATE ${ARGN})
	endif()
endfunction()
