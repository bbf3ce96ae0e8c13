// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Vault} from "../contracts/Vault.sol";
import {vm} from "../script/Vm.sol";

/// @title Runs on a fork of the node: against the vault that was deployed there
contract VaultTest {
    Vault private _vault;

    /// @notice Finds the vault by its address.
    function setUp() external {
        _vault = Vault(payable(vm.envAddress("VAULT")));
    }

    /// @notice Code and storage come from the node.
    function testStateIsTheNodes() external view {
        assert(_vault.total() == 5 ether);
        assert(address(_vault).balance == 5 ether);
        assert(_vault.createdAt() <= block.timestamp);
        assert(block.chainid == 31337);
    }

    /// @notice The fork can be changed; the node does not notice.
    function testForkCanBeChanged() external {
        vm.deal(address(this), 1 ether);
        _vault.deposit{value: 1 ether}("on the fork");
        assert(_vault.total() == 6 ether);
    }

    /// @notice Whatever the amount, nobody takes what is not theirs.
    function testFuzzNobodyTakesWhatIsNotTheirs(address thief, uint96 amount) external {
        if (amount == 0 || _vault.balanceOf(thief) != 0) return;
        vm.expectRevert(abi.encodeWithSelector(Vault.BalanceTooLow.selector, thief, 0, amount));
        vm.prank(thief);
        _vault.withdraw(payable(thief), amount);
    }
}
