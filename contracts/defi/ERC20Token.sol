// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "./ERC20.sol";

/// @title Token whose owner creates its supply
/// @notice For demonstrations and tests: the deployer owns it and may create any amount at any time.
contract ERC20Token is ERC20 {
    /// @notice Only the owner may do this.
    error NotOwner(address caller, address owner);

    address private immutable _owner;

    /// @param initialSupply Created for the deployer, in the smallest unit.
    constructor(string memory name_, string memory symbol_, uint256 initialSupply) ERC20(name_, symbol_) {
        _owner = msg.sender;
        if (initialSupply > 0) _mint(msg.sender, initialSupply);
    }

    /// @notice Who may create tokens.
    function owner() external view returns (address) {
        return _owner;
    }

    /// @notice Creates `value` for `to`. Only the owner may.
    function mint(address to, uint256 value) external {
        if (msg.sender != _owner) revert NotOwner(msg.sender, _owner);
        _mint(to, value);
    }

    /// @notice Destroys `value` of the caller's tokens.
    function burn(uint256 value) external {
        _burn(msg.sender, value);
    }
}
