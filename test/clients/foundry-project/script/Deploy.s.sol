// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Vault} from "../contracts/Vault.sol";
import {vm} from "./Vm.sol";

/// @title Deploys two vaults and uses one: four transactions
contract Deploy {
    /// @notice The key of the first account of every development node.
    uint256 private constant KEY = 0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80;

    /// @notice What `forge script` calls.
    function run() external returns (Vault vault) {
        vm.startBroadcast(KEY);
        vault = new Vault();
        vault.deposit{value: 3 ether}("from a script");
        vault.withdraw(payable(address(0xa11ce)), 1 ether);
        // At the same address on every chain: through the deployer that stands on each of them.
        new Vault{salt: "second"}();
        vm.stopBroadcast();
    }
}
