# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two components: "mmu" is the library for other people's simulators (archive, headers, pkg-config
# file), "pagewalk" the command with what it reads.
get_target_property(mmu_type pagewalk_mmu TYPE)
if(NOT mmu_type STREQUAL INTERFACE_LIBRARY)
	# Other people's shared libraries may link it; inlining stays as in our own executable.
	set_target_properties(pagewalk_mmu PROPERTIES POSITION_INDEPENDENT_CODE ON)
	target_compile_options(pagewalk_mmu PRIVATE -fno-semantic-interposition)
	# Machine code beside the intermediate one, so that any compiler can link the archive.
	if(CMAKE_C_COMPILER_ID STREQUAL GNU)
		target_compile_options(pagewalk_mmu PRIVATE -ffat-lto-objects)
	elseif(CMAKE_C_COMPILER_ID MATCHES Clang)
		set_target_properties(pagewalk_mmu PROPERTIES INTERPROCEDURAL_OPTIMIZATION_RELEASE OFF)
	endif()
	install(TARGETS pagewalk_mmu ARCHIVE COMPONENT mmu)
	install(DIRECTORY mmu/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pagewalk/mmu COMPONENT mmu
		FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "*_private.h" EXCLUDE)
	# The file finds its tree from its own place, so "cmake --install --prefix" may move it.
	file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
	file(RELATIVE_PATH pc_libdir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
	file(RELATIVE_PATH pc_includedir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
	configure_file(cmake/pagewalk-mmu.pc.in pagewalk-mmu.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/pagewalk-mmu.pc
		DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT mmu)
endif()

if(TARGET pagewalk)
	install(TARGETS pagewalk RUNTIME COMPONENT pagewalk)
	install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/pagewalk/configs
		COMPONENT pagewalk FILES_MATCHING PATTERN "*.yaml")
	install(FILES traces/FORMAT.md DESTINATION ${CMAKE_INSTALL_DATADIR}/pagewalk
		COMPONENT pagewalk OPTIONAL)
	file(GLOB manual_pages CONFIGURE_DEPENDS docs/*.1)
	install(FILES ${manual_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT pagewalk)
endif()
