# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench/NAME.c is the program bench/NAME of the build tree; "ninja bench" builds them all. They are
# part of the default build, so that they cannot rot, and they are not tests.
add_custom_target(bench)
file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.c)
foreach(source IN LISTS bench_sources)
	get_filename_component(name ${source} NAME_WE)
	add_executable(bench_${name} ${source})
	set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
	target_link_libraries(bench_${name} PRIVATE ${PAGEWALK_LIBRARIES} pagewalk_options)
	add_dependencies(bench bench_${name})
endforeach()

# What bench/live runs: static programs, so that nothing but them is measured.
file(GLOB guest_sources CONFIGURE_DEPENDS bench/guests/*.c)
foreach(source IN LISTS guest_sources)
	get_filename_component(name ${source} NAME_WE)
	add_executable(bench_guest_${name} ${source})
	set_target_properties(bench_guest_${name} PROPERTIES OUTPUT_NAME ${name}
		INTERPROCEDURAL_OPTIMIZATION OFF
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench/guests)
	target_compile_options(bench_guest_${name} PRIVATE -O2)
	target_link_options(bench_guest_${name} PRIVATE -static)
	add_dependencies(bench bench_guest_${name})
endforeach()
if(TARGET bench_live)
	target_compile_definitions(bench_live PRIVATE
		BENCH_GUESTS="${PROJECT_BINARY_DIR}/bench/guests")
endif()
if(TARGET bench_trace AND TARGET pagewalk)
	target_compile_definitions(bench_trace PRIVATE
		BENCH_GUESTS="${PROJECT_BINARY_DIR}/bench/guests"
		BENCH_PAGEWALK="$<TARGET_FILE:pagewalk>")
endif()
if(TARGET bench_replay AND TARGET pagewalk)
	target_compile_definitions(bench_replay PRIVATE
		BENCH_GUESTS="${PROJECT_BINARY_DIR}/bench/guests"
		BENCH_PAGEWALK="$<TARGET_FILE:pagewalk>")
	add_dependencies(bench_replay pagewalk bench_guest_triad bench_guest_hashtable)
endif()
