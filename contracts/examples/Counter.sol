// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The smallest contract with state
contract Counter {
    /// @notice The count went from `value - 1` to `value`.
    event Incremented(address indexed by, uint256 value);

    uint256 private _value;

    /// @notice The current count.
    function value() external view returns (uint256) {
        return _value;
    }

    /// @notice Adds one.
    function increment() external {
        _value += 1;
        emit Incremented(msg.sender, _value);
    }
}
