// SPDX-License-Identifier: GPL-2.0-or-later

// Unwinding through frames, destructors, rethrowing, dynamic_cast, containers.

#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct Trace {
	std::string name;
	~Trace() { std::cout << "left " << name << "\n"; }
};

static int deep(int n)
{
	Trace trace{ "deep" + std::to_string(n) };
	if (n == 0)
		throw std::out_of_range("bottom");
	return deep(n - 1) + 1;
}

int main()
{
	std::map<std::string, std::vector<int>> table;

	for (int i = 0; i < 2000; i++)
		table[std::to_string(i * 7919 % 101)].push_back(i);
	try {
		try {
			deep(5);
		} catch (const std::logic_error &error) {
			std::cout << "caught " << error.what() << "\n";
			throw;
		}
	} catch (const std::exception &error) {
		std::cout << "again " << error.what() << " "
			  << (dynamic_cast<const std::out_of_range *>(&error) != nullptr) << "\n";
	}
	try {
		std::vector<int>().at(3);
	} catch (...) {
		std::cout << "range\n";
	}
	auto shared = std::make_shared<Trace>(Trace{ "shared" });
	std::cout << table.size() << " " << table["7"].size() << std::endl;
	return 5;
}
